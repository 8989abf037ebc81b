//! TLS between the programs and real servers: the right way works, and each wrong one is told in one line with the option
//! that helps.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use snapline_archive::synthetic::Synthetic;
use snapline_integration::authority::{Authority, Pair, Validity};
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::shared::Shared;
use snapline_integration::vault::{AppRole, SNAPSHOT_POLICY, Vault, inspect};
use tempfile::TempDir;

/// Listeners of one Vault, by their ports in its container.
const GOOD: u16 = 8300;
const MUTUAL: u16 = 8301;
const EXPIRED: u16 = 8302;
const NOT_YET: u16 = 8303;
const OTHER_NAME: u16 = 8304;
const MUTUAL_TLS12: u16 = 8305;
const OF_ITSELF: u16 = 8306;
const OF_ITSELF_EXPIRED: u16 = 8307;

/// The only name in the certificate of [`OTHER_NAME`].
const NAME: &str = "vault.example";

/// Whose certificates the servers have.
const AUTHORITY: &str = "Snapline Test Authority";

struct Servers {
    vault: Vault,
    role: AppRole,
    authority: Authority,
    client: Pair,
    /// Of the servers that are their own authority.
    own: String,
    share: TempDir,
}

impl Servers {
    fn shared() -> Arc<Self> {
        static SHARED: Shared<Servers> = Shared::new();
        SHARED.get(Self::start)
    }

    fn start() -> Self {
        let authority = Authority::new(AUTHORITY);
        let here = ["127.0.0.1", "localhost"];
        let listeners = [
            (GOOD, authority.server(&here, Validity::Now), ""),
            (MUTUAL, authority.server(&here, Validity::Now), MUTUALLY),
            (EXPIRED, authority.server(&here, Validity::Over), ""),
            (NOT_YET, authority.server(&here, Validity::NotYet), ""),
            (OTHER_NAME, authority.server(&[NAME], Validity::Now), ""),
            (MUTUAL_TLS12, authority.server(&here, Validity::Now), MUTUALLY_TLS12),
        ];
        let itself = Authority::of_itself(&["127.0.0.1"], Validity::Now);
        let expired = Authority::of_itself(&["127.0.0.1"], Validity::Over);
        let own = [itself.certificate.clone(), expired.certificate.clone()].concat();
        let listeners = listeners.into_iter();
        let listeners: Vec<_> = listeners
            .chain([(OF_ITSELF, itself, ""), (OF_ITSELF_EXPIRED, expired, "")])
            .collect();
        // Vault minds the mode only beside a user and a group; without it, only root gets in.
        let mut stanzas = "listener \"unix\" {\n  address = \"/share/vault.sock\"\n  socket_mode = \"777\"\n  \
                           socket_user = \"0\"\n  socket_group = \"0\"\n}\n"
            .to_owned();
        let mut files = vec![("/tls/ca.pem".to_owned(), authority.certificate())];
        for (port, pair, more) in &listeners {
            stanzas += &format!(
                "listener \"tcp\" {{\n  address = \"0.0.0.0:{port}\"\n  tls_cert_file = \"/tls/{port}.pem\"\n  \
                 tls_key_file = \"/tls/{port}.key\"\n  {more}\n}}\n"
            );
            files.push((format!("/tls/{port}.pem"), pair.certificate.clone()));
            files.push((format!("/tls/{port}.key"), pair.key.clone()));
        }
        let files: Vec<_> = files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_str()))
            .collect();
        let ports: Vec<_> = listeners.iter().map(|(port, ..)| *port).collect();
        let share = TempDir::new().unwrap();
        let vault = Vault::start_with(&stanzas, &files, &ports, share.path());
        Self {
            role: vault.app_role(SNAPSHOT_POLICY),
            client: authority.client("backup"),
            own,
            vault,
            authority,
            share,
        }
    }

    /// A login at a listener, and the authority in the variable for it.
    fn environment(&self, port: u16) -> Environment {
        self.blind(port)
            .set("VAULT_CACERT_BYTES", &self.authority.certificate())
    }

    /// The same without the authority.
    fn blind(&self, port: u16) -> Environment {
        let address = self.vault.container().address_of(port);
        Environment::new()
            .vault(&self.vault, &self.role)
            .set("VAULT_ADDR", &format!("https://{address}"))
    }
}

const MUTUALLY: &str = "tls_require_and_verify_client_cert = true\n  tls_client_ca_file = \"/tls/ca.pem\"";
const MUTUALLY_TLS12: &str =
    "tls_require_and_verify_client_cert = true\n  tls_client_ca_file = \"/tls/ca.pem\"\n  tls_max_version = \"tls12\"";

/// A file in the home folder, which is also the current one.
fn file(environment: &Environment, name: &str, content: &str) {
    std::fs::write(environment.home().join(name), content).unwrap();
}

fn backs_up(environment: &Environment, options: &str) {
    let outcome = environment.shell(&format!("vault-login {options} | vault-snapshot {options} --revoke"));
    let outcome = outcome.expect(0);
    assert!(inspect(&outcome.stdout).status.success(), "{}", outcome.stderr);
}

/// One error line with all the `words`, and at most one hint.
fn says(outcome: &Outcome, program: &str, words: &[&str]) {
    let lines: Vec<_> = outcome.stderr.lines().collect();
    let errors = lines
        .iter()
        .filter(|line| line.starts_with(&format!("{program}: error: ")))
        .count();
    let hints = lines
        .iter()
        .filter(|line| line.starts_with(&format!("{program}: hint: ")))
        .count();
    assert_eq!((errors, lines.len()), (1, errors + hints), "{}", outcome.stderr);
    assert!(hints <= 1 && outcome.stdout.is_empty(), "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "'{word}' in {}", outcome.stderr);
    }
}

fn fails(environment: &Environment, options: &[&str], status: i32, words: &[&str]) {
    let outcome = environment.run("vault-login", options, b"").expect(status);
    says(&outcome, "vault-login", words);
    // The other program has its own way to the server.
    let token = ["--token-file", "token"];
    file(environment, "token", "hvs.none\n");
    let outcome = environment
        .run("vault-snapshot", &[&token[..], options].concat(), b"")
        .expect(status);
    says(&outcome, "vault-snapshot", words);
}

#[test]
fn an_own_authority_is_trusted_by_file_text_or_folder() {
    let servers = Servers::shared();
    let ca = servers.authority.certificate();
    backs_up(&servers.environment(GOOD), "");
    let environment = servers.blind(GOOD);
    file(&environment, "ca.pem", &ca);
    backs_up(&environment, "--ca-cert ca.pem");
    std::fs::create_dir(environment.home().join("folder")).unwrap();
    file(&environment, "folder/ca.crt", &ca);
    backs_up(&environment, "--ca-path folder");
    backs_up(&servers.blind(GOOD).set("BAO_CACERT_BYTES", &ca), "");
}

#[test]
fn a_server_that_is_its_own_authority_is_trusted_where_it_is_given() {
    let servers = Servers::shared();
    backs_up(&servers.blind(OF_ITSELF).set("VAULT_CACERT_BYTES", &servers.own), "");
    fails(
        &servers.environment(OF_ITSELF),
        &[],
        78,
        &["unknown authority, 'snapline test'", "--ca-cert"],
    );
    let wrong_name = ["--tls-server-name", NAME];
    let environment = servers.blind(OF_ITSELF).set("VAULT_CACERT_BYTES", &servers.own);
    fails(&environment, &wrong_name, 78, &["not for 'vault.example'"]);
    let expired = servers.blind(OF_ITSELF_EXPIRED).set("VAULT_CACERT_BYTES", &servers.own);
    fails(&expired, &[], 78, &["certificate", "expired at 20"]);
}

#[test]
fn an_unknown_authority_is_named() {
    let servers = Servers::shared();
    let words = ["unknown authority", AUTHORITY, "--ca-cert (VAULT_CACERT)"];
    fails(&servers.blind(GOOD), &[], 78, &words);
    let other = Authority::new("Somebody Else").certificate();
    fails(&servers.blind(GOOD).set("VAULT_CACERT_BYTES", &other), &[], 78, &words);
}

#[test]
fn verification_can_be_turned_off_with_a_warning() {
    let servers = Servers::shared();
    for port in [GOOD, EXPIRED, OTHER_NAME] {
        let outcome = servers
            .blind(port)
            .run("vault-login", &["--tls-skip-verify"], b"")
            .expect(0);
        assert!(
            outcome
                .stderr
                .contains("vault-login: warning: certificates are not verified"),
            "{}",
            outcome.stderr
        );
        backs_up(&servers.blind(port).set("VAULT_SKIP_VERIFY", "true"), "");
    }
}

#[test]
fn vault_takes_the_post_quantum_key_exchange() {
    let servers = Servers::shared();
    let outcome = servers.environment(GOOD).run("vault-login", &["-vv"], b"").expect(0);
    assert!(
        outcome.stderr.contains("TLS 1.3") && outcome.stderr.contains("key exchange X25519MLKEM768"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn certificates_out_of_their_time_are_named() {
    let servers = Servers::shared();
    fails(
        &servers.environment(EXPIRED),
        &[],
        78,
        &["certificate", "expired at 20"],
    );
    fails(
        &servers.environment(NOT_YET),
        &[],
        78,
        &["not valid before 20", "clock"],
    );
}

#[test]
fn a_certificate_for_another_name_is_named_and_the_name_can_be_told() {
    let servers = Servers::shared();
    let environment = servers.environment(OTHER_NAME);
    fails(
        &environment,
        &[],
        78,
        &[
            "valid for 'vault.example'",
            "not for '127.0.0.1'",
            "--tls-server-name (VAULT_TLS_SERVER_NAME)",
        ],
    );
    backs_up(&environment, "--tls-server-name vault.example");
    backs_up(&servers.environment(OTHER_NAME).set("VAULT_TLS_SERVER_NAME", NAME), "");
    fails(
        &servers.environment(GOOD),
        &["--tls-server-name", NAME],
        78,
        &["not for 'vault.example'"],
    );
}

#[test]
fn a_client_certificate_is_shown_where_it_is_demanded() {
    let servers = Servers::shared();
    for port in [MUTUAL, MUTUAL_TLS12] {
        let environment = servers.environment(port);
        file(&environment, "client.pem", &servers.client.certificate);
        file(&environment, "client.key", &servers.client.key);
        backs_up(&environment, "--client-cert client.pem --client-key client.key");
        let environment = environment
            .set("VAULT_CLIENT_CERT", "client.pem")
            .set("VAULT_CLIENT_KEY", "client.key");
        backs_up(&environment, "");
    }
}

#[test]
fn a_client_certificate_that_is_missing_or_refused_is_named() {
    let servers = Servers::shared();
    let stranger = Authority::new("Somebody Else").client("stranger");
    // Behind the engine's proxy for published ports a connection ends gently; at the container itself it is reset.
    let inner = servers.vault.container().inner_address();
    let (inner, _) = inner.rsplit_once(':').unwrap();
    for (port, is_direct) in [
        (MUTUAL, false),
        (MUTUAL, true),
        (MUTUAL_TLS12, false),
        (MUTUAL_TLS12, true),
    ] {
        let mut environment = servers.environment(port);
        if is_direct {
            environment = environment
                .set("VAULT_ADDR", &format!("https://{inner}:{port}"))
                .set("VAULT_TLS_SERVER_NAME", "localhost");
        }
        file(&environment, "client.pem", &stranger.certificate);
        file(&environment, "client.key", &stranger.key);
        let options = ["--client-cert", "client.pem", "--client-key", "client.key"];
        // Whether the server's word or its end of the connection comes first is a matter of luck.
        for _ in 0..8 {
            fails(
                &environment,
                &[],
                78,
                &["demands a client certificate", "--client-cert and --client-key"],
            );
            fails(
                &environment,
                &options,
                78,
                &["refuses the client certificate", "tls_client_ca_file"],
            );
        }
    }
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_an_error_before_any_request() {
    let servers = Servers::shared();
    let environment = servers.environment(MUTUAL);
    file(&environment, "client.pem", &servers.client.certificate);
    file(&environment, "client.key", &servers.authority.client("other").key);
    let options = ["--client-cert", "client.pem", "--client-key", "client.key"];
    fails(
        &environment,
        &options,
        78,
        &["does not belong to the certificate", "--client-key"],
    );
    fails(
        &environment,
        &options[..2],
        78,
        &["but no key", "--client-key (VAULT_CLIENT_KEY)"],
    );
}

#[test]
fn http_and_https_are_not_confused_silently() {
    let servers = Servers::shared();
    let plain = servers.vault.container().address();
    let to_plain = servers.environment(GOOD).set("VAULT_ADDR", &format!("https://{plain}"));
    fails(&to_plain, &[], 78, &["does not speak TLS on this port", "http://"]);
    let tls = servers.vault.container().address_of(GOOD);
    let to_tls = servers.environment(GOOD).set("VAULT_ADDR", &format!("http://{tls}"));
    fails(&to_tls, &[], 78, &["HTTP request to an HTTPS server", "https://"]);
}

/// Answers every request with a redirect to the same path elsewhere.
fn standby(to: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let to = to.to_owned();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            let _ = reader.read_line(&mut first);
            loop {
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let path = first.split(' ').nth(1).unwrap_or_default();
            let reply = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}{path}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    address
}

#[test]
fn the_server_name_holds_behind_a_redirect_too() {
    let servers = Servers::shared();
    let leader = servers.vault.container().address_of(OTHER_NAME);
    let environment = servers
        .environment(OTHER_NAME)
        .set("VAULT_ADDR", &standby(&format!("https://{leader}")));
    backs_up(&environment, "--tls-server-name vault.example");
    fails(&environment, &[], 78, &["valid for 'vault.example'", "where 'http://"]);
}

#[test]
fn a_socket_leads_to_vault() {
    let servers = Servers::shared();
    let socket = servers.share.path().join("vault.sock");
    let environment = servers
        .blind(GOOD)
        .set("VAULT_ADDR", &format!("unix://{}", socket.display()));
    backs_up(&environment, "");
}

/// A proxy that answers CONNECT and then speaks TLS itself, with a certificate of its own.
fn intercepting_proxy(inside: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let inside = inside.to_owned();
    std::thread::spawn(move || {
        for mut near in listener.incoming().flatten() {
            let mut reader = BufReader::new(near.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let _ = near.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            // Whoever terminates TLS there: here it is a server with another authority's certificate.
            let Ok(mut far) = TcpStream::connect(&inside) else {
                continue;
            };
            let (mut from_far, mut to_near) = (far.try_clone().unwrap(), near.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from_far, &mut to_near));
            std::thread::spawn(move || std::io::copy(&mut near, &mut far));
        }
    });
    address
}

#[test]
fn a_proxy_that_opens_tls_is_suspected() {
    let servers = Servers::shared();
    let proxy = intercepting_proxy(&servers.vault.container().address_of(GOOD));
    let environment = servers
        .blind(GOOD)
        .set("VAULT_ADDR", "https://vault.invalid:8200")
        .set("HTTPS_PROXY", &proxy);
    let words = [
        "unknown authority",
        AUTHORITY,
        "the proxy in between may open TLS",
        "NO_PROXY",
    ];
    fails(&environment, &[], 78, &words);
    // With its authority and a name that fits, the same proxy is as good as any. Vault's own variable leads through it in spite
    // of NO_PROXY; nothing but the proxy knows the way to that host.
    let environment = servers
        .environment(GOOD)
        .set("VAULT_ADDR", "https://vault.invalid:8200")
        .set("VAULT_TLS_SERVER_NAME", "localhost")
        .set("VAULT_PROXY_ADDR", &proxy)
        .set("NO_PROXY", "*");
    backs_up(&environment, "");
}

struct Store {
    minio: Minio,
    authority: Authority,
}

impl Store {
    fn shared() -> Arc<Self> {
        static SHARED: Shared<Store> = Shared::new();
        SHARED.get(|| {
            let authority = Authority::new(AUTHORITY);
            let pair = authority.server(&["127.0.0.1"], Validity::Now);
            Self {
                minio: Minio::start_with_tls(&pair.certificate, &pair.key),
                authority,
            }
        })
    }
}

fn snapshot() -> Vec<u8> {
    Synthetic::new(1 << 20).to_vec()
}

fn puts(environment: &Environment, options: &[&str], uri: &str) -> Outcome {
    environment.run("s3-put", &[options, &[uri]].concat(), &snapshot())
}

#[test]
fn a_store_with_an_own_authority_is_written_to_and_pruned() {
    let store = Store::shared();
    let bucket = store.minio.bucket("tls");
    let uri = format!("s3://{}/vault/", bucket.name);
    let environment = Environment::new().minio(&store.minio);
    file(&environment, "ca.pem", &store.authority.certificate());
    puts(&environment, &["--ca-bundle", "ca.pem"], &uri).expect(0);
    let environment = environment.set("AWS_CA_BUNDLE", "ca.pem");
    let printed = puts(&environment, &[], &uri).expect(0).stdout;
    environment.run("snap-prune", &["--keep-last", "1"], &printed).expect(0);
    assert_eq!(bucket.keys().len(), 1);
}

#[test]
fn what_is_wrong_with_a_stores_certificate_is_named_and_can_be_overruled() {
    let store = Store::shared();
    let bucket = store.minio.bucket("tls");
    let uri = format!("s3://{}/vault/", bucket.name);
    let environment = Environment::new().minio(&store.minio);
    let outcome = puts(&environment, &[], &uri).expect(78);
    says(
        &outcome,
        "s3-put",
        &["unknown authority", AUTHORITY, "--ca-bundle (AWS_CA_BUNDLE)"],
    );

    let environment = environment.set("AWS_CA_BUNDLE", "ca.pem");
    file(&environment, "ca.pem", &store.authority.certificate());
    let by_name = store.minio.endpoint().replace("127.0.0.1", "localhost");
    let outcome = puts(&environment, &["--endpoint-url", &by_name], &uri).expect(78);
    says(
        &outcome,
        "s3-put",
        &["valid for '127.0.0.1'", "not for 'localhost'", "--endpoint-url"],
    );

    let plain = store.minio.endpoint().replace("https://", "http://");
    let outcome = puts(&environment, &["--endpoint-url", &plain], &uri).expect(78);
    says(&outcome, "s3-put", &["400", "https://"]);
    assert!(bucket.keys().is_empty());

    let outcome = puts(&environment, &["--endpoint-url", &by_name, "--no-verify-ssl"], &uri).expect(0);
    assert!(
        outcome
            .stderr
            .contains("s3-put: warning: certificates are not verified"),
        "{}",
        outcome.stderr
    );
    assert_eq!(bucket.keys().len(), 1);
}

#[test]
fn a_store_that_speaks_no_tls_is_named() {
    let minio = Minio::shared();
    let environment = Environment::new()
        .set("AWS_ENDPOINT_URL", &minio.endpoint().replace("http://", "https://"))
        .set("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .set("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    let outcome = puts(&environment, &[], "s3://bucket/vault/").expect(78);
    says(&outcome, "s3-put", &["does not speak TLS on this port", "http://"]);
}
