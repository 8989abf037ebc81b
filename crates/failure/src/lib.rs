//! What a failure means, from the libraries to the edge: one [`Kind`], which is also the exit code, and one way for foreign
//! text into a message.
//!
//! Every library's error says by [`Fail`] what it means to a user. The edge turns it into a line on standard error and an
//! exit code, and needs to know nothing else about it.

mod blot;
mod kind;
mod text;

pub use blot::{blot, without_password};
pub use kind::{Fail, Kind};
pub use text::one_line;
