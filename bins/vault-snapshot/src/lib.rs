//! Stream a verified Raft snapshot from Vault or OpenBao.
