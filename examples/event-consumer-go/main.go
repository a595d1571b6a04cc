// Reads a topic of Careweave from its oldest event to its end, and prints each event as a line of JSON.
//
//	python tools/generate_stubs.py --image protos.binpb      # the published protos, compiled
//	go run . -brokers 127.0.0.1:9092 -topic careweave.profiles.v1 -image protos.binpb
//
// Events are CloudEvents 1.0 in Kafka's binary mode: the attributes are headers, and the value is the message that
// ce_type names. A record without a value is a tombstone: what its key names is gone. Nothing here is generated from
// the protos; a program that knows its types would use protoc-gen-go instead of dynamicpb.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// patience is how long the brokers may take for the next records.
const patience = 30 * time.Second

// line is what is printed of an event. Message is null for a tombstone.
type line struct {
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Key       string            `json:"key"`
	Headers   map[string]string `json:"headers"`
	Message   json.RawMessage   `json:"message"`
}

func main() {
	brokers := flag.String("brokers", "127.0.0.1:9092", "host:port of some brokers, separated by commas")
	topic := flag.String("topic", "careweave.profiles.v1", "topic to read")
	image := flag.String("image", "protos.binpb", "file of the compiled protos, a FileDescriptorSet")
	flag.Parse()
	if err := read(strings.Split(*brokers, ","), *topic, *image); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// read prints all events of the topic.
func read(brokers []string, topic, image string) error {
	types, err := typesOf(image)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := context.Background()
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if err := errors.Join(starts.Error(), ends.Error()); err != nil {
		return err
	}
	unread := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, _ := starts.Lookup(topic, end.Partition); end.Offset > start.Offset {
			unread[end.Partition] = end.Offset
		}
	})
	out := json.NewEncoder(os.Stdout)
	for len(unread) > 0 {
		within, cancel := context.WithTimeout(ctx, patience)
		fetches := client.PollFetches(within)
		cancel()
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			event, err := lineOf(record, types)
			if err != nil {
				return fmt.Errorf("partition %d offset %d: %w", record.Partition, record.Offset, err)
			}
			if err := out.Encode(event); err != nil {
				return err
			}
			// The last record of a partition is never compacted away.
			if record.Offset+1 >= unread[record.Partition] {
				delete(unread, record.Partition)
			}
		}
	}
	return nil
}

// typesOf returns the message types of a file of compiled protos.
func typesOf(image string) (*protoregistry.Files, error) {
	content, err := os.ReadFile(image)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(content, &set); err != nil {
		return nil, err
	}
	return protodesc.NewFiles(&set)
}

// lineOf decodes a record.
func lineOf(record *kgo.Record, types *protoregistry.Files) (line, error) {
	headers := map[string]string{}
	for _, header := range record.Headers {
		headers[header.Key] = string(header.Value)
	}
	event := line{record.Partition, record.Offset, string(record.Key), headers, nil}
	if headers["ce_specversion"] != "1.0" {
		return event, errors.New("not a CloudEvents 1.0 message in binary mode")
	}
	if record.Value == nil {
		return event, nil
	}
	if headers["content-type"] != "application/protobuf" {
		return event, fmt.Errorf("content-type is %q", headers["content-type"])
	}
	found, err := types.FindDescriptorByName(protoreflect.FullName(headers["ce_type"]))
	if err != nil {
		return event, fmt.Errorf("type %q: %w", headers["ce_type"], err)
	}
	descriptor, ok := found.(protoreflect.MessageDescriptor)
	if !ok {
		return event, fmt.Errorf("%s is no message", found.FullName())
	}
	message := dynamicpb.NewMessage(descriptor)
	if err := proto.Unmarshal(record.Value, message); err != nil {
		return event, err
	}
	event.Message, err = protojson.Marshal(message)
	return event, err
}
