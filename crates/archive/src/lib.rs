//! The Raft snapshot archive: push parser and checks.
