//! What a restore means: what is in the archive, what is in its way, and what differs.

use snapline_archive::Inspection;
use snapline_archive::card::{Card, Product};
use snapline_cli::summary;
use snapline_vault::NodeState;

use crate::target::{Target, index};

/// A restore, before it is done.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The archive.
    pub(crate) archive: &'a Inspection,
    /// Where it goes.
    pub(crate) target: &'a Target,
    /// Whether other keys are no obstacle.
    pub(crate) force: bool,
}

impl Plan<'_> {
    /// Says what is in the archive and who gets it; where nobody has asked for a plan, only with `-v`.
    pub(crate) fn say(&self, is_asked_for: bool) {
        let say = |line: &str| {
            if is_asked_for {
                summary(line, &[]);
            } else {
                log::info!("{line}");
            }
        };
        for (label, value) in self.archive.card.lines() {
            // They come with the others, as warnings.
            if label != "warning" {
                say(&format!("archive: {label}: {value}"));
            }
        }
        say(&format!("leader: '{}': {}", self.target.address, self.target.leader));
        for node in &self.target.nodes {
            if node.address != self.target.address {
                say(&format!("node: '{}': {node}", node.address));
            }
        }
        say(&format!("afterwards: {}", afterwards(&self.archive.card)));
    }

    /// Says what may be wrong with it.
    pub(crate) fn warn(&self) {
        for warning in &self.archive.card.warnings {
            log::warn!("archive: {warning}");
        }
        for difference in differences(
            &Side::of_card(&self.archive.card),
            &Side::of_node(&self.target.leader),
            self.force,
        ) {
            log::warn!("{difference}");
        }
    }
}

/// What unseals a cluster that holds what `card` describes, and what lives again in it.
pub(crate) fn afterwards(card: &Card) -> String {
    let keys = match &card.seal {
        Some(seal) if seal.is_shamir() => format!(
            "a node whose keys are not those of the archive's cluster seals itself: restart it, and unseal it with {} of the {} \
             unseal keys that this cluster had when the snapshot was taken",
            seal.threshold, seal.shares
        ),
        Some(seal) => format!(
            "a node without the seal '{}' of the archive's cluster in its configuration seals itself, and cannot be unsealed",
            seal.kind
        ),
        None => "nobody knows what unseals it".to_owned(),
    };
    format!("{keys}; {}", revived(card))
}

/// What lives again.
pub(crate) fn revived(card: &Card) -> String {
    let contents = &card.contents;
    format!(
        "tokens and leases are those of the snapshot again: tokens {}, leases {}, {} of them of secrets",
        contents.tokens, contents.leases, contents.secret_leases
    )
}

/// What is known of both, and can differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Side {
    is_openbao: Option<bool>,
    version: Option<String>,
    cluster_name: Option<String>,
    seal: Option<SealForm>,
    index: u64,
    /// The archive only: whether OpenBao cannot unseal it.
    has_old_shamir: bool,
    /// The archive only: leases of secrets.
    secret_leases: u64,
    /// The target only: what it keeps its data in.
    storage: Option<String>,
}

/// A seal as far as both sides tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SealForm {
    kind: String,
    /// Threshold and shares, of the unseal keys or of the recovery keys.
    keys: Option<(u64, u64)>,
}

impl Side {
    fn of_card(card: &Card) -> Self {
        let seal = card.seal.as_ref().map(|seal| SealForm {
            kind: seal.kind.clone(),
            keys: if seal.is_shamir() {
                Some((seal.threshold, seal.shares))
            } else {
                card.recovery.map(|recovery| (recovery.threshold, recovery.shares))
            },
        });
        Self {
            is_openbao: match card.origin.product {
                Product::Vault => Some(false),
                Product::OpenBao => Some(true),
                _ => None,
            },
            version: card.origin.versions.last().cloned(),
            cluster_name: card.origin.cluster_name.clone(),
            has_old_shamir: card
                .seal
                .as_ref()
                .is_some_and(|seal| seal.is_shamir() && seal.stored_shares == 0),
            seal,
            index: card.raft.index,
            secret_leases: card.contents.secret_leases,
            storage: None,
        }
    }

    fn of_node(node: &NodeState) -> Self {
        Self {
            is_openbao: node.version.is_some().then_some(node.is_openbao),
            version: node.version.clone(),
            cluster_name: node.cluster_name.clone(),
            seal: node.seal.as_ref().map(|seal| SealForm {
                kind: seal.kind.clone(),
                keys: (seal.shares > 0).then_some((seal.threshold, seal.shares)),
            }),
            index: index(node),
            storage: node
                .seal
                .as_ref()
                .map(|seal| seal.storage_type.clone())
                .filter(|kind| !kind.is_empty()),
            ..Self::default()
        }
    }

    const fn product(&self) -> &'static str {
        match self.is_openbao {
            Some(true) => "OpenBao",
            Some(false) => "Vault",
            None => "an unknown product",
        }
    }
}

/// What an operator should have seen before `archive` is restored into `target`.
fn differences(archive: &Side, target: &Side, force: bool) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(from), Some(to)) = (archive.is_openbao, target.is_openbao)
        && from != to
    {
        found.push(format!(
            "the archive is of {}, and the target is {}",
            archive.product(),
            target.product()
        ));
    }
    if archive.has_old_shamir && target.is_openbao == Some(true) {
        found.push("stored_shares is 0 in the archive: OpenBao takes it, and cannot be unsealed then".to_owned());
    }
    if let (Some(from), Some(to)) = (&archive.version, &target.version)
        && archive.is_openbao == target.is_openbao
        && numbers(from) > numbers(to)
    {
        found.push(format!(
            "the archive was written by version {from}, and the target has an older one, {to}"
        ));
    }
    if let (Some(from), Some(to)) = (&archive.seal, &target.seal) {
        if from.kind != to.kind {
            let refusal = if force {
                ""
            } else {
                "; without --force it refuses the archive"
            };
            found.push(format!(
                "the archive's seal is '{}', and the target's is '{}': a node is unsealed only with the archive's seal in its \
                 configuration{refusal}",
                from.kind, to.kind
            ));
        } else if let (Some((threshold, shares)), Some((old_threshold, old_shares))) = (from.keys, to.keys)
            && from.keys != to.keys
        {
            let refusal = if force || from.kind != "shamir" {
                ""
            } else {
                "; without --force it refuses the archive"
            };
            found.push(format!(
                "the archive's keys are {threshold} of {shares}, and the target's are {old_threshold} of {old_shares}: they are \
                 other keys{refusal}"
            ));
        }
    }
    match (&archive.cluster_name, &target.cluster_name) {
        (Some(from), Some(to)) if from != to => {
            found.push(format!(
                "the archive is of the cluster '{from}', and the target is '{to}': all that it holds is replaced by another \
                 cluster's"
            ));
            if target.is_openbao == Some(false) {
                found.push(format!(
                    "a node of '{to}' that reaches '{from}' after the restore takes itself for removed and must be set up anew: \
                     keep them apart"
                ));
            }
        }
        _ if archive.index < target.index => found.push(format!(
            "the archive is at index {}, and the target at {}: what it has written since is lost",
            archive.index, target.index
        )),
        _ => {}
    }
    if archive.secret_leases > 0 {
        found.push(format!(
            "{} leases of secrets live again: as soon as it is unsealed, the server revokes those that have expired meanwhile, at \
             the databases and clouds that it reaches",
            archive.secret_leases
        ));
    }
    if let Some(storage) = target.storage.as_deref().filter(|storage| *storage != "raft") {
        found.push(format!(
            "the target keeps its data in '{storage}', and only 'raft' takes an archive"
        ));
    }
    found
}

/// A version for comparing: its numbers up to the first part that is none.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shamir(threshold: u64, shares: u64) -> Option<SealForm> {
        Some(SealForm {
            kind: "shamir".to_owned(),
            keys: Some((threshold, shares)),
        })
    }

    fn kms() -> Option<SealForm> {
        Some(SealForm {
            kind: "awskms".to_owned(),
            keys: None,
        })
    }

    /// An archive and its own cluster, ten entries later.
    fn alike() -> (Side, Side) {
        let archive = Side {
            is_openbao: Some(false),
            version: Some("1.21.0".to_owned()),
            cluster_name: Some("a".to_owned()),
            seal: shamir(3, 5),
            index: 100,
            ..Side::default()
        };
        let target = Side {
            storage: Some("raft".to_owned()),
            ..archive.clone()
        };
        (archive, target)
    }

    #[test]
    fn what_is_alike_is_no_warning() {
        let (archive, target) = alike();
        assert_eq!(differences(&archive, &target, false), [""; 0]);
        // What one side does not tell cannot differ.
        assert_eq!(
            differences(
                &Side {
                    index: 100,
                    ..Side::default()
                },
                &target,
                false
            ),
            [""; 0]
        );
        assert_eq!(differences(&archive, &Side::default(), false), [""; 0]);
    }

    #[test]
    fn each_difference_is_one_sentence() {
        type Change = fn(&mut Side, &mut Side);
        let cases: [(Change, &str); 10] = [
            (
                |_, target| target.is_openbao = Some(true),
                "the archive is of Vault, and the target is OpenBao",
            ),
            (
                |_, target| target.version = Some("1.9.4+ent".to_owned()),
                "an older one, 1.9.4+ent",
            ),
            (
                |_, target| target.seal = kms(),
                "seal is 'shamir', and the target's is 'awskms'",
            ),
            (
                |archive, _| archive.seal = kms(),
                "seal is 'awskms', and the target's is 'shamir'",
            ),
            (
                |_, target| target.seal = shamir(1, 1),
                "3 of 5, and the target's are 1 of 1",
            ),
            (
                |_, target| target.cluster_name = Some("b".to_owned()),
                "cluster 'a', and the target is 'b'",
            ),
            (
                |_, target| target.cluster_name = Some("b".to_owned()),
                "must be set up anew: keep them apart",
            ),
            (|_, target| target.index = 101, "what it has written since is lost"),
            (|archive, _| archive.secret_leases = 3, "3 leases of secrets live again"),
            (
                |_, target| target.storage = Some("consul".to_owned()),
                "keeps its data in 'consul'",
            ),
        ];
        for (change, words) in cases {
            let (mut archive, mut target) = alike();
            change(&mut archive, &mut target);
            let found = differences(&archive, &target, false);
            assert_eq!(
                found.iter().filter(|line| line.contains(words)).count(),
                1,
                "no '{words}' in {found:?}"
            );
            let most = if target.cluster_name == archive.cluster_name {
                1
            } else {
                2
            };
            assert!(found.len() <= most, "{found:?}");
        }
    }

    #[test]
    fn that_it_will_be_refused_is_said_only_where_nobody_forces_it() {
        let (mut archive, target) = alike();
        for seal in [shamir(1, 1), kms()] {
            archive.seal = seal;
            assert!(differences(&archive, &target, false)[0].ends_with("; without --force it refuses the archive"));
            assert!(!differences(&archive, &target, true)[0].contains("--force"));
        }
    }

    #[test]
    fn old_shares_and_openbao_do_not_go_together() {
        let (mut archive, mut target) = alike();
        archive.has_old_shamir = true;
        assert_eq!(differences(&archive, &target, false), [""; 0]);
        target.is_openbao = Some(true);
        let found = differences(&archive, &target, false);
        assert!(found[1].contains("stored_shares is 0"), "{found:?}");
    }

    #[test]
    fn a_newer_server_is_no_warning() {
        for (archive, target, warns) in [
            ("1.21.0", "1.21.0", false),
            ("1.9.10", "1.21.0", false),
            ("1.21.1", "1.21.0", true),
            ("1.21.0", "1.21.0+ent", false),
            ("2.0.0", "1.21.9", true),
        ] {
            assert_eq!(numbers(archive) > numbers(target), warns, "{archive} {target}");
        }
    }
}
