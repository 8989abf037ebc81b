//! Store a verified Raft snapshot in S3.
