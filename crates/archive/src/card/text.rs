//! A card as lines of text.

use std::fmt;

use time::format_description::well_known::Rfc3339;

use super::{Card, Encoding, Origin, Product, Seal, Terms};

/// The width of the labels.
const WIDTH: usize = 14;

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (label, value)) in self.lines().into_iter().enumerate() {
            let newline = if position == 0 { "" } else { "\n" };
            write!(f, "{newline}{label:WIDTH$} {value}")?;
        }
        Ok(())
    }
}

impl Card {
    /// Its lines, each a label and a value; a label may occur more than once.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let archive = &self.archive;
        let taken = archive.taken.and_then(|time| time.format(&Rfc3339).ok());
        lines.push(("taken", taken.unwrap_or_else(|| "unknown".to_owned())));
        lines.push(("raft", format!("index {}, term {}", self.raft.index, self.raft.term)));
        lines.push((
            "size",
            format!(
                "{} bytes, {}; state.bin has {}",
                archive.bytes,
                match archive.encoding {
                    Encoding::Compressed => "compressed",
                    Encoding::Stored => "not compressed",
                },
                archive.state_bytes
            ),
        ));
        lines.extend(archive.sha256.clone().map(|digest| ("sha256", digest)));
        for node in &self.raft.servers {
            lines.push(("server", format!("{} at {}, {}", node.id, node.address, node.suffrage)));
        }
        lines.push(("product", self.origin.text()));
        lines.extend(self.origin.cluster_name.clone().map(|name| ("cluster name", name)));
        lines.push((
            "seal",
            self.seal.as_ref().map_or_else(|| "unknown".to_owned(), Seal::text),
        ));
        if let Some(recovery) = self.recovery {
            let (shares, threshold) = (recovery.shares, recovery.threshold);
            lines.push((
                "recovery keys",
                format!("{threshold} of {shares}; they do not unseal it"),
            ));
        }
        lines.push(("keyring", self.keyring.text()));
        self.content_lines(&mut lines);
        for warning in &self.warnings {
            lines.push(("warning", warning.to_string()));
        }
        lines
    }

    fn content_lines(&self, lines: &mut Vec<(&'static str, String)>) {
        let contents = &self.contents;
        lines.push((
            "secrets",
            format!(
                "kv version 2: {} in {} versions; other engines, kv version 1 among them: {}",
                contents.kv2_secrets,
                contents.kv2_versions,
                entries(contents.other_engine_entries)
            ),
        ));
        lines.push(("tokens", contents.tokens.to_string()));
        lines.push((
            "leases",
            format!(
                "{}: {} of logins, {} of secrets",
                contents.leases,
                contents.leases - contents.secret_leases,
                contents.secret_leases
            ),
        ));
        if self.namespaces.count > 0 {
            let (count, own) = (self.namespaces.count, self.namespaces.own_seal);
            lines.push(("namespaces", format!("{count}; with a seal of their own: {own}")));
        }
        let shares = self.prefixes.iter();
        let shares = shares.map(|share| format!("{} {} ({} bytes)", share.prefix, share.count, share.size));
        let shares: Vec<_> = shares.collect();
        lines.push(("entries", format!("{}: {}", contents.entries, shares.join(", "))));
    }
}

impl Origin {
    fn text(&self) -> String {
        let product = match self.product {
            Product::Vault => "Vault",
            Product::OpenBao => "OpenBao",
            Product::Unknown => "unknown",
        };
        if self.versions.is_empty() {
            product.to_owned()
        } else {
            format!("{product}; versions that ran on it: {}", self.versions.join(", "))
        }
    }
}

impl Seal {
    fn text(&self) -> String {
        let (kind, shares, threshold) = (&self.kind, self.shares, self.threshold);
        if self.is_shamir() {
            return format!("{kind}: {threshold} of {shares} unseal keys are needed");
        }
        match self.key_ids.len() {
            0 => format!("{kind}: unseals by itself, with a key that has no id"),
            1 => format!("{kind}: unseals by itself, with the key '{}'", self.key_ids[0]),
            _ => format!(
                "{kind}: unseals by itself, with one of the keys '{}'",
                self.key_ids.join("', '")
            ),
        }
    }
}

impl Terms {
    fn text(&self) -> String {
        // The newest ones tell most.
        const SHOWN: usize = 8;
        let mut terms = self.entries_by_term.iter().rev();
        let shown: Vec<_> = (&mut terms)
            .take(SHOWN)
            .map(|(term, count)| format!("term {term}: {count}"))
            .collect();
        let older = self.entries_of_older_terms + terms.map(|(_, count)| count).sum::<u64>();
        let mut text = format!("highest term {}", self.highest_term);
        if !shown.is_empty() {
            text.push_str(&format!("; entries of {}", shown.join(", ")));
        }
        if older > 0 {
            text.push_str(&format!(", older ones: {older}"));
        }
        if self.entries_of_other_form > 0 {
            text.push_str(&format!("; of another form: {}", self.entries_of_other_form));
        }
        text
    }
}

fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        _ => format!("{count} entries"),
    }
}
