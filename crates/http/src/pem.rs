//! PEM texts as people make them (RFC 7468): joined without a newline between the blocks, with a byte order mark, with comments
//! in any encoding, on one line.

use rustls::pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block: its label, and what stands between its lines.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// For example `CERTIFICATE`.
    pub(crate) label: String,
    body: String,
}

impl Block {
    /// What is in it, not looked into; nothing if this is no Base64, or something else than a `T`.
    pub(crate) fn decode<T: PemObject>(&self) -> Option<T> {
        let lines: Vec<_> = self.body.split_whitespace().collect();
        let (label, body) = (&self.label, lines.join("\n"));
        let text = format!("{BEGIN}{label}{DASHES}\n{body}\n{END}{label}{DASHES}\n");
        T::from_pem_slice(text.as_bytes()).ok()
    }

    /// Whether it holds a key that only a passphrase opens, in either form (RFC 5958, or RFC 1421's header).
    pub(crate) fn is_encrypted(&self) -> bool {
        self.label == "ENCRYPTED PRIVATE KEY" || self.body.contains("Proc-Type: 4,ENCRYPTED")
    }
}

/// The blocks of a text, in their order.
///
/// # Errors
/// Why it cannot be read, with "it" for the text; a broken block is named by its number, from 1.
pub(crate) fn blocks(pem: &[u8]) -> Result<Vec<Block>, String> {
    if pem.starts_with(&[0xff, 0xfe]) || pem.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; save it as UTF-8".to_owned());
    }
    // A SEQUENCE of more than 255 bytes.
    if pem.starts_with(&[0x30, 0x82]) {
        return Err("it is DER, not PEM; 'openssl x509 -inform der -in FILE' prints a certificate as PEM".to_owned());
    }
    let text = String::from_utf8_lossy(pem);
    let mut rest = &*text;
    let mut blocks = Vec::new();
    while let Some((_, inner)) = rest.split_once(BEGIN) {
        let number = blocks.len() + 1;
        let (label, inner) = inner
            .split_once(DASHES)
            .filter(|(label, _)| !label.contains('\n'))
            .ok_or_else(|| format!("PEM block {number} in it has a broken first line"))?;
        let (body, after) = inner
            .split_once(&format!("{END}{label}{DASHES}"))
            .filter(|(body, _)| !body.contains(DASHES))
            .ok_or_else(|| format!("PEM block {number} in it has no end"))?;
        blocks.push(Block {
            label: label.to_owned(),
            body: body.to_owned(),
        });
        rest = after;
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;

    use super::*;

    /// What is in the certificates of a text.
    fn contents(pem: &[u8]) -> Vec<Vec<u8>> {
        let blocks = blocks(pem).unwrap();
        let certificates = blocks.iter().filter_map(Block::decode::<CertificateDer<'_>>);
        certificates.map(|certificate| certificate.to_vec()).collect()
    }

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----";
    const TWO: &str = "-----BEGIN CERTIFICATE-----\nAg\n==\n-----END CERTIFICATE-----";

    #[test]
    fn blocks_are_found_however_they_are_joined() {
        for text in [
            format!("{ONE}\n{TWO}\n"),
            format!("{ONE}{TWO}"),
            format!("\u{feff}{ONE}{TWO}"),
            format!("subject=/CN=a\n# b\n{ONE}\n\ntext{TWO}"),
            format!("{ONE}\n{TWO}\n").replace('\n', "\r\n"),
            format!("{ONE}\n{TWO}\n").replace('\n', " "),
            format!("{ONE}-----BEGIN TRUSTED CERTIFICATE-----\nAw==\n-----END TRUSTED CERTIFICATE-----{TWO}"),
        ] {
            assert_eq!(contents(text.as_bytes()), [[1], [2]], "{text}");
        }
        assert_eq!(contents(&[b"# f\xfcr\n", ONE.as_bytes()].concat()), [[1]]);
        assert!(contents(b"").is_empty() && contents(b"garbage").is_empty());
    }

    #[test]
    fn a_broken_block_is_named_by_its_number() {
        let cut = "-----BEGIN CERTIFICATE-----\nAQ==\n";
        for (text, part) in [
            (format!("{ONE}\n{cut}"), "block 2 in it has no end"),
            (format!("{cut}{TWO}"), "block 1 in it has no end"),
            (
                format!("{ONE}{TWO}-----BEGIN CERT"),
                "block 3 in it has a broken first line",
            ),
            (
                format!("{ONE}-----BEGIN CERT\n-----x"),
                "block 2 in it has a broken first line",
            ),
        ] {
            let cause = blocks(text.as_bytes()).err().unwrap();
            assert!(cause.contains(part), "{cause}");
        }
        assert!(blocks(b"\xff\xfe-\0-\0").err().unwrap().contains("UTF-16"));
        assert!(blocks(b"\x30\x82\x01\x00").err().unwrap().contains("DER"));
    }

    #[test]
    fn an_encrypted_key_is_known_in_both_forms() {
        let traditional = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAQ==\n\
                           -----END RSA PRIVATE KEY-----";
        let own = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQ==\n-----END ENCRYPTED PRIVATE KEY-----";
        for (text, expected) in [(traditional, true), (own, true), (ONE, false)] {
            assert_eq!(blocks(text.as_bytes()).unwrap()[0].is_encrypted(), expected, "{text}");
        }
    }
}
