//! What docs/vault.md tells people to paste: its blocks are run, with the real Vault's own command line for the server side and
//! our programs for the client side. Only names of machines and networks are replaced.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use snapline_integration::authority::{Authority, Validity};
use snapline_integration::cloud::{Cloud, USER_ARN, USER_KEY, USER_SECRET};
use snapline_integration::container::engine_program;
use snapline_integration::directory::Directory;
use snapline_integration::jwt::{Issuer, in_seconds};
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::token_review::TokenReview;
use snapline_integration::vault::{Vault, inspect};
use tempfile::TempDir;

/// The indented blocks of the page under a heading, in order.
fn blocks(heading: &str) -> Vec<String> {
    Page::open("docs/vault.md").blocks(heading)
}

/// Somebody at the keyboard: with the root token and Vault's command line on the server side, with our programs on the other.
struct Reader {
    vault: Vault,
    environment: Environment,
    replaced: Vec<(&'static str, String)>,
}

impl Reader {
    /// One who has pasted the policy already.
    fn new() -> Self {
        Self::at(Vault::start())
    }

    fn at(vault: Vault) -> Self {
        // Vault::start has enabled it; on the page that is the first thing to do.
        vault.call("DELETE", "sys/auth/approle", None);
        let environment = Environment::new().engine().set("VAULT_ADDR", &vault.address());
        let home = environment.home().to_owned();
        let command = format!(
            "#!/bin/sh\nexec {} exec --interactive --env VAULT_ADDR=http://127.0.0.1:8200 --env VAULT_TOKEN={} {} /bin/vault \"$@\"\n",
            engine_program(),
            vault.root_token(),
            vault.container().id()
        );
        fs::create_dir(home.join("bin")).unwrap();
        fs::write(home.join("bin/vault"), command).unwrap();
        fs::set_permissions(home.join("bin/vault"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", home.join("bin").display(), environment.get("PATH"));
        // What Vault sees of a client behind a published port.
        let client = format!("{}/32", vault.container().gateway());
        let reader = Self {
            vault,
            environment: environment.set("PATH", &path),
            replaced: vec![("10.1.2.0/24", client)],
        };
        let policy = blocks("## The policy").remove(0);
        reader.pastes(&policy);
        reader
    }

    fn replacing(mut self, what: &'static str, with: &str) -> Self {
        self.replaced.push((what, with.to_owned()));
        self
    }

    fn set(self, name: &str, value: &str) -> Self {
        Self {
            environment: self.environment.set(name, value),
            ..self
        }
    }

    fn has_file(&self, name: &str, content: &str) {
        fs::write(self.environment.home().join(name), content).unwrap();
    }

    /// Runs a block as it stands, each line of which must succeed.
    fn pastes(&self, block: &str) {
        let mut block = block.to_owned();
        for (what, with) in &self.replaced {
            block = block.replace(what, with);
        }
        self.environment.shell(&format!("set -e\n{block}")).expect(0);
    }

    /// Runs the blocks of a section, the last of which leaves a snapshot.
    fn follows(&self, heading: &str) {
        let pasted = |block: &String| block.starts_with("vault") || block.starts_with("export");
        for block in blocks(heading).into_iter().filter(pasted) {
            self.pastes(&block);
        }
        let snapshot = self.environment.home().join("vault.snap");
        let archive = fs::read(&snapshot).expect("the section leaves vault.snap");
        assert!(inspect(&archive).status.success());
        fs::remove_file(snapshot).unwrap();
    }
}

#[test]
fn approle_works_as_pasted_with_plain_and_wrapped_secret_ids_and_from_its_network_only() {
    let reader = Reader::new();
    reader.follows("### approle");
    reader.follows("### approle with a wrapped secret id");

    let elsewhere = json!({"secret_id_bound_cidrs": ["10.1.2.0/24"], "token_bound_cidrs": ["10.1.2.0/24"]});
    reader.vault.call("POST", "auth/approle/role/backup", Some(&elsewhere));
    let outcome = reader
        .environment
        .shell("vault-login --role-id-file role-id --secret-id-file secret-id")
        .expect(77);
    assert!(outcome.stderr.contains("CIDR"), "{}", outcome.stderr);
}

#[test]
fn userpass_and_ldap_work_as_pasted() {
    let directory = Directory::start();
    directory.add_person("backup", "my-password");
    let reader = Reader::new().replacing("ldap://ldap.example.com", &directory.inner_url());
    reader.has_file("password", "my-password\n");
    reader.follows("### userpass");
    reader.follows("### ldap");
}

#[test]
fn jwt_and_kubernetes_work_as_pasted() {
    let issuer = Issuer::new();
    let job =
        issuer.sign(&json!({"sub": "job:backup", "aud": "vault", "iat": in_seconds(-60), "exp": in_seconds(600)}));
    let account = issuer.sign(&json!({
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:vault:snapline", "aud": ["vault"], "iat": in_seconds(-60),
        "exp": in_seconds(600), "kubernetes.io": {"namespace": "vault", "serviceaccount": {"name": "snapline", "uid": "1"}},
    }));
    // A Vault outside of the cluster has no account of its own there: it reviews a token by that very token.
    let reader = Reader::new();
    let api_server = TokenReview::start(reader.vault.container(), &account);
    api_server.accept(&account, "system:serviceaccount:vault:snapline");
    let reader = reader.replacing(
        "kubernetes_host=https://kubernetes.default.svc",
        &format!("disable_local_ca_jwt=true kubernetes_host={}", api_server.url()),
    );
    reader.has_file("issuer.pem", &issuer.public_key());
    reader.has_file("jwt", &job);
    reader.follows("### jwt");
    reader.has_file("account", &account);
    reader.set("VAULT_AUTH_JWT_FILE", "account").follows("### kubernetes");
}

#[test]
fn cert_works_as_pasted() {
    let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
    let (server, client) = (servers.server(&["127.0.0.1"], Validity::Now), clients.client("backup"));
    let listener = r#"
listener "tcp" {
  address       = "0.0.0.0:8300"
  tls_cert_file = "/tls/server.pem"
  tls_key_file  = "/tls/server.key"
}
"#;
    let files = [
        ("/tls/server.pem", server.certificate.as_str()),
        ("/tls/server.key", server.key.as_str()),
    ];
    let share = TempDir::new().unwrap();
    let vault = Vault::start_with(listener, &files, &[8300], share.path());
    let address = format!("https://{}", vault.container().address_of(8300));
    let reader = Reader::at(vault)
        .set("VAULT_ADDR", &address)
        .set("VAULT_CACERT_BYTES", &servers.certificate());
    reader.has_file("backup-ca.pem", &clients.certificate());
    reader.has_file("backup.pem", &client.certificate);
    reader.has_file("backup-key.pem", &client.key);
    reader.follows("### cert");
}

#[test]
fn aws_works_as_pasted() {
    let reader = Reader::new();
    let sts = Cloud::start(&reader.vault.container().gateway(), Vec::new());
    let server_id = "iam_server_id_header_value=vault.example.com";
    let reader = reader
        .replacing(
            server_id,
            &format!("{server_id} sts_region=us-east-1 sts_endpoint={}", sts.url()),
        )
        .replacing("arn:aws:iam::123456789012:role/backup", USER_ARN)
        .set("AWS_ACCESS_KEY_ID", USER_KEY)
        .set("AWS_SECRET_ACCESS_KEY", USER_SECRET);
    reader.follows("### aws");
}

#[test]
fn a_token_is_handed_on_as_pasted_and_lives_on() {
    let reader = Reader::new();
    let reply = reader
        .vault
        .call("POST", "auth/token/create", Some(&json!({"policies": ["snapshot"]})));
    let token = reply["auth"]["client_token"].as_str().unwrap().to_owned();
    reader.has_file("token", &format!("{token}\n"));
    reader.follows("### token");
    assert!(reader.vault.accepts(&token));
}
