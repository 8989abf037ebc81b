//! vault-login by each method against the real Vault: with what is right, and the token works; with what is wrong, and it ends
//! with 77 and Vault's own words.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use snapline_integration::authority::{Authority, Pair, Validity};
use snapline_integration::directory::{BASE, Directory};
use snapline_integration::jwt::{Issuer, in_seconds};
use snapline_integration::program::{Environment, free_port};
use snapline_integration::running::Outcome;
use snapline_integration::token_review::TokenReview;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use tempfile::TempDir;

/// A login that a test tries in several ways.
struct Login {
    vault: Arc<Vault>,
    environment: Environment,
    options: Vec<String>,
    /// What no output may show, beside the tokens.
    secrets: Vec<String>,
}

impl Login {
    fn new(vault: &Arc<Vault>, options: &[&str], secrets: &[&str]) -> Self {
        Self {
            vault: Arc::clone(vault),
            environment: Environment::new().set("VAULT_ADDR", &vault.address()),
            options: options.iter().map(|word| (*word).to_owned()).collect(),
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
        }
    }

    fn set(self, name: &str, value: &str) -> Self {
        Self {
            environment: self.environment.set(name, value),
            ..self
        }
    }

    /// Puts a client certificate and its key where the options of [`CLIENT`] say.
    fn shows(&self, pair: &Pair) {
        let home = self.environment.home();
        std::fs::write(home.join("client.pem"), &pair.certificate).unwrap();
        std::fs::write(home.join("client.key"), &pair.key).unwrap();
    }

    /// Puts a secret into a file that the options may name.
    fn file(self, name: &str, secret: &str) -> Self {
        std::fs::write(self.environment.home().join(name), format!("{secret}\n")).unwrap();
        Self {
            secrets: [self.secrets, vec![secret.to_owned()]].concat(),
            ..self
        }
    }

    /// Runs it and looks for secrets in what it says about itself at the highest verbosity.
    fn run(&self) -> Outcome {
        let mut words: Vec<&str> = self.options.iter().map(String::as_str).collect();
        words.push("-vvv");
        let outcome = self.environment.run("vault-login", &words, b"");
        let token = outcome.text().trim().to_owned();
        for secret in self.secrets.iter().filter(|secret| **secret != token).chain([&token]) {
            let shown = !secret.is_empty() && outcome.stderr.contains(secret.as_str());
            assert!(!shown, "a secret in {}", outcome.stderr);
        }
        outcome
    }

    /// It logs in, and a snapshot can be taken with the token.
    #[track_caller]
    fn works(&self) -> Outcome {
        let outcome = self.run().expect(0);
        let token = outcome.text().trim();
        assert!(outcome.text().ends_with('\n') && !token.is_empty());
        let archive = self
            .environment
            .run("vault-snapshot", &["--revoke"], &outcome.stdout)
            .expect(0)
            .stdout;
        assert!(inspect(&archive).status.success());
        assert!(
            !self.vault.accepts(token),
            "--revoke revokes what {:?} got",
            self.options
        );
        outcome
    }

    /// It ends with `status`, prints nothing, and says each of `words` in one line of error.
    #[track_caller]
    fn fails(&self, status: i32, words: &[&str]) {
        let outcome = self.run().expect(status);
        assert!(outcome.stdout.is_empty());
        let errors: Vec<_> = outcome
            .stderr
            .lines()
            .filter(|line| line.contains(": error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{}", outcome.stderr);
        for word in words {
            assert!(errors[0].contains(word), "no '{word}' in {}", outcome.stderr);
        }
    }
}

/// Mounts a method, under a path that no other test uses, and makes a policy of that name.
fn mount(vault: &Vault, path: &str, method: &str) {
    vault.call("POST", &format!("sys/auth/{path}"), Some(&json!({"type": method})));
    let policy = json!({"policy": SNAPSHOT_POLICY});
    vault.call("PUT", &format!("sys/policies/acl/{path}"), Some(&policy));
}

fn write(vault: &Vault, path: &str, body: &Value) {
    vault.call("POST", path, Some(body));
}

fn secret_id(vault: &Vault, role: &str) -> String {
    let reply = vault.call("POST", &format!("{role}/secret-id"), None);
    reply["data"]["secret_id"].as_str().unwrap().to_owned()
}

/// A role at the usual mount, and the start of a login with it; the secret id is missing still.
fn app_role(vault: &Arc<Vault>, name: &str, more: &Value) -> (String, Login) {
    let role = format!("auth/approle/role/{name}");
    vault.call(
        "PUT",
        &format!("sys/policies/acl/{name}"),
        Some(&json!({"policy": SNAPSHOT_POLICY})),
    );
    let mut body = json!({"token_policies": [name], "token_ttl": "15m"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    write(vault, &role, &body);
    let id = vault.call("GET", &format!("{role}/role-id"), None);
    let id = id["data"]["role_id"].as_str().unwrap();
    (
        role,
        Login::new(vault, &["--role-id-file", "role-id"], &[]).file("role-id", id),
    )
}

fn with(mut login: Login, options: &[&str]) -> Login {
    login.options.extend(options.iter().map(|word| (*word).to_owned()));
    login
}

#[test]
fn approle_takes_the_right_secret_id_and_no_other() {
    let vault = Vault::shared();
    let (role, login) = app_role(&vault, "approle-right", &json!({}));
    let login = with(login, &["--secret-id-file", "secret-id"]).file("secret-id", &secret_id(&vault, &role));
    login.works();
    let login = login.file("secret-id", "11111111-2222-3333-4444-555555555555");
    login.fails(77, &["status 400: invalid role or secret ID"]);
}

#[test]
fn approle_needs_no_secret_id_where_the_role_binds_none() {
    let vault = Vault::shared();
    let without = json!({"bind_secret_id": false, "secret_id_bound_cidrs": [], "token_bound_cidrs": ["0.0.0.0/0"]});
    let (_, login) = app_role(&vault, "approle-without", &without);
    login.works();
    let (_, login) = app_role(&vault, "approle-with", &json!({}));
    login.fails(77, &["status 400: missing secret_id"]);
}

/// What a wrapping token gets: `X-Vault-Wrap-TTL` makes a reply one.
fn wrapped(vault: &Vault, path: &str) -> String {
    let reply = vault.wrapped("POST", path, None);
    reply["wrap_info"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_wrapped_secret_id_works_once() {
    let vault = Vault::shared();
    let (role, login) = app_role(&vault, "approle-wrapped", &json!({}));
    let login = with(login, &["--secret-id-file", "wrapped", "--secret-id-wrapped"]);
    let login = login.file("wrapped", &wrapped(&vault, &format!("{role}/secret-id")));
    login.works();
    // The same again, as if somebody had been faster.
    login.fails(
        77,
        &[
            "wrapping token is not valid",
            "somebody else may have read the secret id",
        ],
    );
    let login = login.file("wrapped", "hvs.neverOne");
    login.fails(77, &["somebody else may have read the secret id"]);
}

#[test]
fn a_wrapping_token_that_somebody_made_is_refused_and_not_used_up() {
    let vault = Vault::shared();
    let (role, login) = app_role(&vault, "approle-substituted", &json!({}));
    let login = with(login, &["--secret-id-file", "wrapped", "--secret-id-wrapped"]);
    let stolen = json!({"secret_id": secret_id(&vault, &role)});
    let reply = vault.wrapped("POST", "sys/wrapping/wrap", Some(&stolen));
    let token = reply["wrap_info"]["token"].as_str().unwrap();
    let login = login.file("wrapped", token);
    login.fails(77, &["made by 'sys/wrapping/wrap'", "auth/approle/role/…/secret-id"]);
    let (status, reply) = vault.send("POST", "sys/wrapping/unwrap", token, None);
    assert_eq!((status, &reply["data"]), (200, &stolen));
}

#[test]
fn userpass_takes_the_right_password_and_no_other() {
    let vault = Vault::shared();
    mount(&vault, "people", "userpass");
    let user = json!({"password": "my password", "token_policies": ["people"], "token_ttl": "15m"});
    write(&vault, "auth/people/users/back-up", &user);
    let options = ["--method", "userpass", "--path", "people", "--username", "back-up"];
    let login = Login::new(&vault, &options, &[]).file("password", "my password");
    let login = with(login, &["--password-file", "password"]);
    login.works();
    let login = login.file("password", "other password");
    login.fails(77, &["status 400: invalid username or password"]);
    // After five of these the user is locked out, also with the right password.
    for _ in 0..4 {
        login.fails(77, &["invalid username or password"]);
    }
    login
        .file("password", "my password")
        .fails(77, &["status 403: permission denied"]);
}

#[test]
fn ldap_takes_the_right_password_and_no_other() {
    let vault = Vault::shared();
    let directory = Directory::start();
    directory.add_person("back up\\, CORP\\\\x", "my password");
    mount(&vault, "corp", "ldap");
    let configuration = |url: &str| json!({"url": url, "userdn": BASE, "userattr": "cn", "token_policies": ["corp"]});
    write(&vault, "auth/corp/config", &configuration(&directory.inner_url()));
    let options = ["--method", "ldap", "--path", "corp", "--username", "back up, CORP\\x"];
    let login = Login::new(&vault, &options, &[]).file("password", "my password");
    let login = with(login, &["--password-file", "password"]);
    login.works();
    let login = login.file("password", "other password");
    login.fails(77, &["status 400: invalid credentials"]);

    // That Vault does not reach the directory says nothing about the password.
    let nowhere = format!("ldap://127.0.0.1:{}", free_port());
    write(&vault, "auth/corp/config", &configuration(&nowhere));
    login.fails(69, &["Network Error"]);
    assert!(login.run().last_line().contains("does not reach its directory server"));
}

#[test]
fn jwt_takes_what_the_issuer_signed_and_nothing_else() {
    let vault = Vault::shared();
    let (issuer, other) = (Issuer::new(), Issuer::new());
    mount(&vault, "ci", "jwt");
    write(
        &vault,
        "auth/ci/config",
        &json!({"jwt_validation_pubkeys": [issuer.public_key()]}),
    );
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["ci"], "token_ttl": "15m",
    });
    write(&vault, "auth/ci/role/backup", &role);
    let claims = |audience, expires| json!({"sub": "job-1", "aud": audience, "iat": in_seconds(-60), "exp": in_seconds(expires)});
    let options = ["--method", "jwt", "--path", "ci", "--jwt-file", "jwt"];
    let login = || with(Login::new(&vault, &options, &[]), &["--role", "backup"]);
    login().file("jwt", &issuer.sign(&claims("vault", 600))).works();
    for (jwt, words) in [
        (other.sign(&claims("vault", 600)), "error validating token"),
        (issuer.sign(&claims("vault", -600)), "error validating token"),
        (issuer.sign(&claims("elsewhere", 600)), "invalid audience (aud) claim"),
        ("no.jwt.atall".to_owned(), "error validating token"),
    ] {
        login().file("jwt", &jwt).fails(77, &["status 400: ", words]);
    }

    let good = issuer.sign(&claims("vault", 600));
    let login = Login::new(&vault, &options, &[]).file("jwt", &good);
    login.fails(78, &["status 400: missing role"]);
    let login = with(login, &["--role", "none"]);
    login.fails(78, &["status 400: role \"none\" could not be found"]);
    let configuration = json!({"jwt_validation_pubkeys": [issuer.public_key()], "default_role": "backup"});
    write(&vault, "auth/ci/config", &configuration);
    Login::new(&vault, &options, &[]).file("jwt", &good).works();
}

#[test]
fn kubernetes_takes_the_service_account_that_the_api_server_knows() {
    let vault = Vault::shared();
    let api_server = TokenReview::start(vault.container(), "the-reviewers-token");
    mount(&vault, "cluster", "kubernetes");
    let configuration = json!({
        "kubernetes_host": api_server.url(), "token_reviewer_jwt": "the-reviewers-token", "disable_local_ca_jwt": true,
    });
    write(&vault, "auth/cluster/config", &configuration);
    let role = json!({
        "bound_service_account_names": ["backup"], "bound_service_account_namespaces": ["vault"],
        "token_policies": ["cluster"], "token_ttl": "15m",
    });
    write(&vault, "auth/cluster/role/backup", &role);
    let issuer = Issuer::new();
    let token_of = |name: &str| {
        issuer.sign(&json!({
            "iss": "https://kubernetes.default.svc", "sub": format!("system:serviceaccount:vault:{name}"),
            "aud": ["https://kubernetes.default.svc"], "iat": in_seconds(-60), "exp": in_seconds(600),
            "kubernetes.io": {"namespace": "vault", "serviceaccount": {"name": name, "uid": "1"}},
        }))
    };
    let (backup, web) = (token_of("backup"), token_of("web"));
    let options = ["--method", "kubernetes", "--path", "cluster", "--jwt-file", "jwt"];
    let login = || {
        with(
            Login::new(&vault, &options, &["the-reviewers-token"]),
            &["--role", "backup"],
        )
    };

    // Signed, but the API server does not know it (any more).
    login()
        .file("jwt", &backup)
        .fails(77, &["status 403: permission denied"]);
    api_server.accept(&backup, "system:serviceaccount:vault:backup");
    api_server.accept(&web, "system:serviceaccount:vault:web");
    login().file("jwt", &backup).works();
    login()
        .file("jwt", &web)
        .fails(77, &["status 403: service account name not authorized"]);

    // An API server that does not answer looks the same.
    drop(api_server);
    login()
        .file("jwt", &backup)
        .fails(77, &["status 403: permission denied"]);

    let login = Login::new(&vault, &options, &[]).file("jwt", &backup);
    with(login, &["--role", "none"]).fails(78, &["status 400: invalid role name \"none\""]);
}

/// Where a listener with TLS is in its container.
const TLS_PORT: u16 = 8300;

const TLS_LISTENER: &str = r#"
listener "tcp" {
  address       = "0.0.0.0:8300"
  tls_cert_file = "/tls/server.pem"
  tls_key_file  = "/tls/server.key"
}
"#;

const CLIENT: [&str; 4] = ["--client-cert", "client.pem", "--client-key", "client.key"];

#[test]
fn cert_takes_a_certificate_that_a_role_knows_and_no_other() {
    let (servers, clients, other) = (
        Authority::new("Servers"),
        Authority::new("Clients"),
        Authority::new("Others"),
    );
    let pair = servers.server(&["127.0.0.1"], Validity::Now);
    let files = [
        ("/tls/server.pem", pair.certificate.as_str()),
        ("/tls/server.key", pair.key.as_str()),
    ];
    let share = TempDir::new().unwrap();
    let vault = Arc::new(Vault::start_with(TLS_LISTENER, &files, &[TLS_PORT], share.path()));
    let address = format!("https://{}", vault.container().address_of(TLS_PORT));
    mount(&vault, "machines", "cert");
    let role = json!({
        "certificate": clients.certificate(), "allowed_dns_sans": ["backup"], "token_policies": ["machines"],
        "token_ttl": "15m",
    });
    write(&vault, "auth/machines/certs/backup", &role);

    let login = |options: &[&str], pair: &Pair| {
        let login = Login::new(&vault, &["--method", "cert", "--path", "machines"], &[&pair.key])
            .set("VAULT_ADDR", &address)
            .set("VAULT_CACERT_BYTES", &servers.certificate());
        login.shows(pair);
        with(login, options)
    };
    let backup = clients.client("backup");
    login(&CLIENT, &backup).works();
    login(&[&CLIENT[..], &["--role", "backup"]].concat(), &backup).works();
    // Vault does not tell an unknown authority, a name that does not fit and a role that does not exist apart.
    let refused = ["status 400: failed to match all constraints for this login certificate"];
    login(&CLIENT, &clients.client("web")).fails(77, &refused);
    login(&CLIENT, &other.client("backup")).fails(77, &refused);
    login(&[&CLIENT[..], &["--role", "none"]].concat(), &backup).fails(77, &refused);
    login(&[], &backup).fails(78, &["find the client certificate"]);
}

#[test]
fn a_token_is_looked_up_and_handed_on() {
    let vault = Vault::shared();
    let token = vault.token(SNAPSHOT_POLICY);
    let options = ["--method", "token", "--token-file", "token"];
    let login = Login::new(&vault, &options, &[]).file("token", &token);
    assert_eq!(login.run().expect(0).text().trim(), token);
    login.works();
    // That revoked it.
    login.fails(77, &["status 403", "permission denied"]);
}

#[test]
fn a_mount_that_does_not_exist_is_refused_with_a_hint() {
    let vault = Vault::shared();
    let (_, login) = app_role(&vault, "approle-elsewhere", &json!({}));
    let login = with(login, &["--path", "no/such/mount"]);
    login.fails(77, &["/v1/auth/no/such/mount/login", "status 403", "permission denied"]);
    assert!(login.run().last_line().contains("--path"));
}

#[test]
fn what_the_server_warns_of_is_told() {
    let vault = Vault::shared();
    // A mount of its own, whose tokens live for five minutes at most.
    mount(&vault, "short", "approle");
    write(&vault, "sys/auth/short/tune", &json!({"max_lease_ttl": "5m"}));
    let role = "auth/short/role/backup";
    write(&vault, role, &json!({"token_policies": ["short"], "token_ttl": "15m"}));
    let id = vault.call("GET", &format!("{role}/role-id"), None);
    let id = id["data"]["role_id"].as_str().unwrap();
    let options = [
        "--path",
        "short",
        "--role-id-file",
        "role-id",
        "--secret-id-file",
        "secret-id",
    ];
    let login = Login::new(&vault, &options, &[])
        .file("role-id", id)
        .file("secret-id", &secret_id(&vault, role));
    let outcome = login.works();
    assert!(
        outcome.stderr.contains("the server warns: TTL of \"15m\" exceeded"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_second_factor_is_refused_as_nothing_that_a_job_can_give() {
    let vault = Vault::shared();
    mount(&vault, "careful", "userpass");
    write(&vault, "auth/careful/users/backup", &json!({"password": "my password"}));
    let method = json!({"issuer": "test", "period": 30, "key_size": 30, "algorithm": "SHA256", "digits": 6});
    let method = vault.call("POST", "identity/mfa/method/totp", Some(&method));
    let mounts = vault.call("GET", "sys/auth", None);
    let enforcement = json!({
        "mfa_method_ids": [method["data"]["method_id"]], "auth_method_accessors": [mounts["careful/"]["accessor"]],
    });
    write(&vault, "identity/mfa/login-enforcement/careful", &enforcement);
    let options = [
        "--method",
        "userpass",
        "--path",
        "careful",
        "--username",
        "backup",
        "--password-file",
        "password",
    ];
    Login::new(&vault, &options, &[])
        .file("password", "my password")
        .fails(77, &["second factor"]);
}
