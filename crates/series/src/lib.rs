//! Where objects live: S3 URIs, name templates, and the times in keys. Pure; no clock and no network.
//!
//! A *series* is the set of objects that one template names: `s3-put` adds to it, `snap-prune` and `s3-get` find its
//! members again. All of them read the same words the same way through [`Location::parse`], and a key belongs to the
//! series if and only if formatting the time that was parsed from it gives the same key again. So `vault/` never
//! reaches into `vault-staging/`, and a file that somebody put beside the snapshots is invisible.

mod error;
mod location;
mod members;
mod template;
mod uri;

pub use error::Error;
pub use location::Location;
pub use members::{Gathering, Member, Members};
pub use template::{DEFAULT_NAME, Template};
pub use uri::ObjectUri;
