//! Vault client for snapline: addresses, redirects, logins, snapshots.
