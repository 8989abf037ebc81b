//! Apply a retention policy to a series of snapshots in S3.
