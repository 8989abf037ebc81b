//! A client of Vault and OpenBao: where the server is, logins, the Raft snapshot, its restore, revoking.
//!
//! It matches Vault's own client in variables, headers and limits (`api/client.go` there; OpenBao's reads `BAO_X` before
//! `VAULT_X`), and differs where that one loses data: a standby's redirect is followed and its target's reply is the one
//! that counts.
//!
//! Nothing here prints, prompts, or reads the process's environment: [`snapline_http::Environment`] is handed in. Redirects
//! and retries are logged at level info, requests at debug, a token that could not be revoked as a warning.

#[cfg(test)]
extern crate self as snapline_vault;

mod address;
mod args;
mod call;
mod client;
mod duration;
mod error;
mod headers;
mod login;
mod node;
mod places;
mod redirect;
mod refusal;
mod restore;
mod revocation;
mod secret;
mod settings;
mod snapshot;
mod token;
mod tries;
mod trust;
mod upload;
mod variable;
mod words;

pub use address::{Address, Mount, Namespace, Username};
pub use client::Client;
pub use error::Error;
pub use login::{AppRole, Aws, CallerIdentity, Cert, Jwt, Login, Password, SecretId, look_up};
pub use node::{Leader, NodeState, Seal, Standing};
pub use places::{Form, Places};
pub use restore::Verdict;
pub use revocation::Revocation;
pub use secret::Secret;
pub use settings::{Options, Origin, Settings};
pub use snapshot::Snapshot;
pub use tries::Tries;
pub use upload::{Extent, Upload};
pub use variable::{Variable, variable};
