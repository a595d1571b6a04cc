"""Who calls: tokens and their issuers, what is revoked, and the issuer of trials."""
