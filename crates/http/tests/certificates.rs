//! Which certificates of servers are taken, and why others are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use snapline_http::{Roots, Tls, TlsFailure};
use support::{Draft, request, shown};

type Issued = CertifiedIssuer<'static, KeyPair>;

fn trusting(roots: &[&Issued]) -> Tls {
    let pem: String = roots.iter().map(|root| root.pem()).collect();
    Tls {
        roots: Roots::Only(Arc::new(Roots::read(pem.as_bytes(), "a test").unwrap())),
        ..Tls::default()
    }
}

/// Whether the server is taken, else what is wrong.
fn verdict(server: &Issued, others: &[&Issued], roots: &[&Issued]) -> Result<(), (TlsFailure, String)> {
    match request(shown(server, others), &[&TLS13], trusting(roots)) {
        Ok(204) => Ok(()),
        Ok(status) => panic!("status {status}"),
        Err(error) => Err((error.tls().unwrap(), error.to_string())),
    }
}

fn refused(verdict: Result<(), (TlsFailure, String)>, failure: TlsFailure, part: &str) {
    let (found, message) = verdict.unwrap_err();
    assert!(found == failure && message.contains(part), "{found:?}: {message}");
}

#[test]
fn a_certificate_with_the_ca_flag_is_good_if_a_trusted_authority_issued_it() {
    let root = Draft::authority("Root").alone();
    let server = Draft::server().that_may_sign().by(&root);
    assert_eq!(verdict(&server, &[], &[&root]), Ok(()));

    let middle = Draft::authority("Middle").by(&root);
    let server = Draft::server().that_may_sign().by(&middle);
    assert_eq!(verdict(&server, &[&middle], &[&root]), Ok(()));
    assert_eq!(verdict(&server, &[], &[&middle]), Ok(()));
    refused(
        verdict(&server, &[], &[&root]),
        TlsFailure::UnknownAuthority,
        "'Middle'",
    );
}

#[test]
fn the_ca_flag_opens_no_way_round_the_authorities() {
    let root = Draft::authority("Root").alone();
    let unknown = TlsFailure::UnknownAuthority;

    // Another authority of the same name.
    let namesake = Draft::authority("Root").alone();
    let server = Draft::server().that_may_sign().by(&namesake);
    refused(verdict(&server, &[&namesake], &[&root]), unknown, "'Root'");

    // The owner of an ordinary certificate issues others with it.
    let ordinary = Draft::server().by(&root);
    let server = Draft::server().that_may_sign().by(&ordinary);
    refused(verdict(&server, &[&ordinary], &[&root]), unknown, "unknown authority");

    // An authority issues for an authority although it may not.
    let mut low = Draft::authority("Low");
    low.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let low = low.by(&root);
    let below = Draft::authority("Below").by(&low);
    let server = Draft::server().that_may_sign().by(&below);
    refused(
        verdict(&server, &[&below, &low], &[&root]),
        unknown,
        "unknown authority",
    );
    let server = Draft::server().that_may_sign().by(&low);
    assert_eq!(verdict(&server, &[&low], &[&root]), Ok(()));

    // An authority whose certificate has expired.
    let mut old = Draft::authority("Old");
    old.params.not_after = date_time_ymd(2020, 1, 1);
    let old = old.by(&root);
    let server = Draft::server().that_may_sign().by(&old);
    refused(verdict(&server, &[&old], &[&root]), unknown, "unknown authority");

    // An authority for some names only.
    let mut narrow = Draft::authority("Narrow");
    narrow.params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let narrow = narrow.alone();
    let server = Draft::server().that_may_sign().by(&narrow);
    refused(verdict(&server, &[], &[&narrow]), unknown, "unknown authority");
}

#[test]
fn name_time_and_purpose_count_whatever_the_ca_flag() {
    let root = Draft::authority("Root").alone();
    let check = |draft: Draft, failure, part: &str| {
        let server = draft.by(&root);
        refused(verdict(&server, &[], &[&root]), failure, part);
    };
    let mut late = Draft::server().that_may_sign();
    late.params.not_after = date_time_ymd(2020, 1, 1);
    check(late, TlsFailure::Expired, "expired at 2020-01-01");
    let mut early = Draft::server().that_may_sign();
    early.params.not_before = date_time_ymd(2090, 1, 1);
    check(early, TlsFailure::NotYetValid, "not valid before 2090-01-01");
    let mut other = Draft::server().that_may_sign();
    other.params.subject_alt_names = Vec::new();
    check(other, TlsFailure::Unsuitable, "no subject alternative name");
    for draft in [Draft::server(), Draft::server().that_may_sign()] {
        check(
            draft.only_for(ExtendedKeyUsagePurpose::ClientAuth),
            TlsFailure::Unsuitable,
            "not meant for servers",
        );
    }
}

#[test]
fn a_certificate_that_is_given_itself_is_trusted_for_what_it_is_meant_for() {
    let unknown = Draft::authority("Unknown").alone();
    for server in [
        Draft::server().alone(),
        Draft::server().that_may_sign().alone(),
        Draft::server().by(&unknown),
        Draft::server().that_may_sign().by(&unknown),
        Draft::server()
            .only_for(ExtendedKeyUsagePurpose::ServerAuth)
            .that_may_sign()
            .alone(),
    ] {
        assert_eq!(verdict(&server, &[], &[&server]), Ok(()));
    }
    for draft in [Draft::server(), Draft::server().that_may_sign()] {
        let server = draft.only_for(ExtendedKeyUsagePurpose::ClientAuth).alone();
        refused(
            verdict(&server, &[], &[&server]),
            TlsFailure::Unsuitable,
            "not meant for servers",
        );
    }
}

#[test]
fn keys_on_every_curve_of_nist_are_known_to_servers_and_authorities() {
    let kinds = [
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_ECDSA_P521_SHA512,
    ];
    for kind in kinds {
        let root = Draft::authority("Root").key(kind).alone();
        for version in [&TLS12, &TLS13] {
            let server = Draft::server().key(kind).by(&root);
            let result = request(shown(&server, &[]), &[version], trusting(&[&root]));
            assert_eq!(result.unwrap(), 204, "{kind:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_to_be_verified_may_show_anything() {
    let server = Draft::server().alone();
    for version in [&TLS12, &TLS13] {
        let (_, key) = shown(&server, &[]);
        let garbage = vec![CertificateDer::from(&b"no certificate"[..])];
        let tls = Tls {
            skip_verify: true,
            ..Tls::default()
        };
        let result = request((garbage, key), &[version], tls);
        assert_eq!(result.unwrap(), 204);
    }
}

#[test]
fn authorities_in_one_text_are_read_however_they_are_joined() {
    let (one, other) = (Draft::authority("One").alone(), Draft::authority("Other").alone());
    let (first, second) = (one.pem(), other.pem());
    for text in [
        format!("{first}{second}"),
        format!("{}{}", first.trim_end(), second.trim_end()),
        format!("\u{feff}{first}\r\n{second}"),
    ] {
        assert_eq!(Roots::read(text.as_bytes(), "a test").unwrap().len(), 2, "{text}");
    }
    let broken = second.replacen("MII", "!II", 1);
    let error = Roots::read(format!("{first}{broken}").as_bytes(), "'ca.pem' (VAULT_CACERT)").unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("'ca.pem' (VAULT_CACERT): PEM block 2 in it is no proper certificate"),
        "{message}"
    );
}
