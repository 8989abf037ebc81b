//! Restoring a Raft snapshot.

use http::{Method, StatusCode};
use snapline_failure::Fail as _;
use snapline_http::Kind;

use crate::call::{Call, Purpose};
use crate::client::Reply;
use crate::upload::{Extent, Upload};
use crate::{Address, Client, Error, Secret, Tries, login, redirect};

/// What a failed restore may have done to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the server has not got the archive whole, or has refused it.
    Unchanged,
    /// The server has got the archive whole and has not said what it made of it.
    Unknown,
}

impl Client {
    /// A client of the same cluster that asks `address` first, and then the others.
    #[must_use]
    pub fn beginning_with(&self, address: Address) -> Self {
        let mut settings = self.settings().clone();
        settings.addresses.retain(|other| *other != address);
        settings.addresses.insert(0, address);
        Self::new(settings)
    }

    /// The address of the leader that the node at `node` names as `leader` (`sys/leader`), if it may be gone to: by the rules
    /// for the redirect that the node would answer with.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] where such a redirect would not be followed.
    pub fn leader_at(&self, node: &Address, leader: &str) -> Result<Address, Error> {
        let failed = |cause: &str| {
            Error::new(Kind::Unavailable, format!("find the leader of '{node}': {cause}"))
                .with_hint(Some(redirect::hint(self.settings().addresses.len())))
        };
        if self.settings().disable_redirects {
            let cause = format!("it is at '{leader}', and redirects are disabled");
            let hint = redirect::hint_of_disabled(self.settings().addresses.len());
            return Err(failed(&cause).with_hint(Some(hint)));
        }
        redirect::allowed(&node.join("")?, leader).map_err(|cause| failed(&cause))?;
        Address::new(leader, "sys/leader")
    }

    /// Replaces everything that the cluster holds by the archive: `POST sys/storage/raft/snapshot`, or `…/snapshot-force`,
    /// which takes also an archive that was sealed by other keys than the cluster's. The server applies the archive after it
    /// has responded; what became of it shows in [`nodes`](Self::nodes).
    ///
    /// The request is sent again, or to the next address, only while not a byte of the archive has left. A redirect is
    /// followed likewise.
    ///
    /// Returns the URL that took the archive.
    ///
    /// # Errors
    /// The failure, and what it may have done to the cluster. [`Kind::Refused`] for a token that may not do this, and for an
    /// archive that was sealed by other keys; [`Kind::Data`] for one that the server finds broken; [`Kind::Config`] if it has
    /// no Raft storage; [`Kind::Io`] if the archive cannot be read; [`Kind::Unavailable`] if no server took it, or no response
    /// came.
    pub fn restore(
        &self,
        token: Option<&Secret>,
        upload: &mut Upload<'_>,
        force: bool,
        tries: &mut Tries,
    ) -> Result<String, (Error, Verdict)> {
        let path = if force { "snapshot-force" } else { "snapshot" };
        let call = Call {
            purpose: Purpose::Restore,
            method: Method::POST,
            path: format!("sys/storage/raft/{path}"),
            token,
            // As for the snapshot, there is only the root namespace.
            namespace: None,
            body: None,
            secrets: token.into_iter().collect(),
            deadline: None,
        };
        let sent = self.send_upload(&call, upload, tries);
        let extent = upload.extent();
        let reply = sent.map_err(|error| {
            let verdict = verdict(extent, error.status());
            (explain(error, verdict, upload), verdict)
        })?;
        accepted(reply).map_err(|error| {
            let verdict = verdict(extent, None);
            (explain(error, verdict, upload), verdict)
        })
    }
}

/// What the server can have done. Vault and OpenBao begin to apply an archive when they have read and checked the whole of it
/// (`handleStorageRaftSnapshotWrite`, `raft-snapshot`'s `read`), and an error of theirs is an error before that. What a proxy
/// says in their place (502, 503, 504) says nothing.
fn verdict(extent: Extent, status: Option<StatusCode>) -> Verdict {
    match (extent, status.map(|status| status.as_u16())) {
        (Extent::Nothing | Extent::Part, _) => Verdict::Unchanged,
        (Extent::Whole, None | Some(502..=504)) => Verdict::Unknown,
        (Extent::Whole, Some(_)) => Verdict::Unchanged,
    }
}

fn explain(error: Error, verdict: Verdict, upload: &Upload<'_>) -> Error {
    match (verdict, upload.extent(), error.status()) {
        (Verdict::Unknown, ..) => error
            .of_kind(Kind::Unavailable)
            .and("the archive was sent whole and may have been applied; it is not sent again"),
        (_, Extent::Nothing, _) => error.and("nothing of the archive was sent"),
        // The server has spoken.
        (_, _, Some(_)) => error.and("nothing was changed"),
        (_, Extent::Part, None) => {
            let sent = format!(
                "{} of {} bytes were sent, which no server applies: nothing was changed",
                upload.taken(),
                upload.length()
            );
            let error = error.and(&sent);
            match error.kind() {
                Kind::Unavailable => error.with_hint(Some(CUT)),
                _ => error,
            }
        }
        (_, Extent::Whole, None) => error,
    }
}

/// Why uploads break off.
pub(crate) const CUT: &str = "a listener of Vault takes a request for http_read_timeout only, 30 s where it is not configured: \
                              raise it for the restore; a proxy in between may have a limit of its own";

/// The URL of a reply that says that the archive was taken: Vault and OpenBao send 204 without a body.
fn accepted(reply: Reply) -> Result<String, Error> {
    let is_empty = reply.response.status() == StatusCode::NO_CONTENT;
    let (url, text) = login::read(reply, Purpose::Restore)?;
    if is_empty || text.trim().is_empty() || text.trim_start().starts_with('{') {
        return Ok(url);
    }
    let message = format!(
        "{} '{url}': this is not the response to a restore; is this Vault?",
        Purpose::Restore.doing()
    );
    Err(Error::new(Kind::Data, message))
}
