"""The parts of the event log on Kafka; `careweave.events.kafka` is their face."""
