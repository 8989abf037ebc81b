//! A real Vault on Raft storage.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use testcontainers::core::Mount;
use testcontainers::{ContainerRequest, CopyTargetOptions, GenericImage, ImageExt};
use ureq::http::request::Builder;

use crate::container::{Container, LABEL, engine_program, pipe_through, run_id};
use crate::program::free_port;
use crate::shared::Shared;
use crate::versions;
use crate::wait::wait_for;

/// The one permission that a backup needs.
pub const SNAPSHOT_POLICY: &str = r#"path "sys/storage/raft/snapshot" { capabilities = ["read"] }"#;

/// An initialised, unsealed Vault with its data in memory; alone, or a node of a cluster.
pub struct Vault {
    container: Container,
    root_token: String,
}

/// What a job logs in with.
#[derive(Clone, Debug)]
pub struct AppRole {
    /// The public half.
    pub role_id: String,
    /// The secret half.
    pub secret_id: String,
}

impl Vault {
    /// Starts, initialises and unseals it, and waits until it is active.
    #[must_use]
    pub fn start() -> Self {
        let mut vault = Self::launch(None, "");
        vault.initialise();
        vault
    }

    /// The same with the stanzas `more` in its configuration, which may name `files` in its container (path and content) and
    /// what is in the folder `share` of this machine as `/share`; and with the ports `others` of theirs published.
    #[must_use]
    pub fn start_with(more: &str, files: &[(&str, &str)], others: &[u16], share: &Path) -> Self {
        let configuration = configuration(PORT, "") + more;
        let mut vault = Self::launch_with(configuration, None, others, |request| {
            let share = Mount::bind_mount(share.display().to_string(), "/share");
            files
                .iter()
                .fold(request.with_mount(share), |request, (path, content)| {
                    request.with_copy_to(CopyTargetOptions::new(*path), content.as_bytes().to_vec())
                })
        });
        vault.initialise();
        vault
    }

    /// Starts a server that is not initialised, or joins the cluster that the line `join` of its configuration tells.
    pub(crate) fn launch(port: Option<u16>, join: &str) -> Self {
        Self::launch_with(configuration(port.unwrap_or(PORT), join), port, &[], |request| request)
    }

    fn launch_with(
        configuration: String,
        port: Option<u16>,
        others: &[u16],
        configure: impl FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>,
    ) -> Self {
        let arguments = ["server", "-config=/vault.hcl"];
        let container = Container::start_with(versions::vault_image(), &arguments, PORT, port, others, |request| {
            configure(request.with_copy_to(CopyTargetOptions::new("/vault.hcl"), configuration.into_bytes()))
        });
        let vault = Self {
            container,
            root_token: String::new(),
        };
        wait_for("Vault answers", || (vault.health() != 0).then_some(()));
        vault
    }

    /// Starts a server that nobody has initialised, whose data is in `folder` of this machine and so outlives a restart.
    #[must_use]
    pub fn uninitialised(folder: &Path) -> Self {
        // Known before, so that it is the same after a restart.
        let port = free_port();
        let configuration = configuration(port, "").replace("\"/data\"", "\"/share\"");
        Self::launch_with(configuration, Some(port), &[], |request| {
            request.with_mount(Mount::bind_mount(folder.display().to_string(), "/share"))
        })
    }

    /// The same, unsealed by the key `autounseal` of the transit engine that `transit` has.
    #[must_use]
    pub fn auto_unsealed(folder: &Path, transit: &Self) -> Self {
        let port = free_port();
        let seal = format!(
            "seal \"transit\" {{\n  address = \"http://{}\"\n  token = \"{}\"\n  key_name = \"autounseal\"\n  mount_path = \"transit/\"\n}}\n",
            transit.container.inner_address(),
            transit.root_token()
        );
        let configuration = configuration(port, "").replace("\"/data\"", "\"/share\"") + &seal;
        Self::launch_with(configuration, Some(port), &[], |request| {
            request.with_mount(Mount::bind_mount(folder.display().to_string(), "/share"))
        })
    }

    /// Makes an auto-unsealed server a cluster of one, and waits until it is active.
    pub fn initialise_for_auto_unseal(&mut self) {
        let wanted = json!({"recovery_shares": 1, "recovery_threshold": 1});
        let answer = self.call("PUT", "sys/init", Some(&wanted));
        self.root_token = text(&answer["root_token"]);
        wait_for("Vault is active", || self.is_active().then_some(()));
        self.call("POST", "sys/auth/approle", Some(&json!({"type": "approle"})));
    }

    /// Makes it a cluster of one; returns the unseal key.
    pub(crate) fn initialise(&mut self) -> String {
        self.initialise_with(1, 1).remove(0)
    }

    /// The same with so many unseal keys, of which so many are needed; returns all of them, in base64.
    pub fn initialise_with(&mut self, shares: usize, threshold: usize) -> Vec<String> {
        let wanted = json!({"secret_shares": shares, "secret_threshold": threshold});
        let answer = self.call("PUT", "sys/init", Some(&wanted));
        self.root_token = text(&answer["root_token"]);
        let keys = answer["keys_base64"].as_array().expect("a list of keys");
        let keys: Vec<String> = keys.iter().map(text).collect();
        for key in &keys[..threshold] {
            self.unseal(key);
        }
        wait_for("Vault is active", || self.is_active().then_some(()));
        self.call("POST", "sys/auth/approle", Some(&json!({"type": "approle"})));
        keys
    }

    /// Gives a sealed server one of its unseal keys.
    pub fn unseal(&self, key: &str) {
        self.call("PUT", "sys/unseal", Some(&json!({"key": key})));
    }

    /// Ends the server and starts it again; it is sealed then.
    pub fn restart(&self) {
        self.container.restart();
        wait_for("Vault answers again", || (self.health() != 0).then_some(()));
    }

    /// Gives the unseal key to a node that joins the cluster of `other`; it uses it when it has joined. Says whether it was taken.
    pub(crate) fn unseal_as(&mut self, other: &Self, key: &str) -> bool {
        self.root_token.clone_from(&other.root_token);
        self.send("PUT", "sys/unseal", "", Some(&json!({"key": key}))).0 == 200
    }

    /// The one that all tests share which run at the same time; not to be hurt.
    pub fn shared() -> Arc<Self> {
        static SHARED: Shared<Vault> = Shared::new();
        SHARED.get(Self::start)
    }

    /// What goes into `VAULT_ADDR`.
    pub fn address(&self) -> String {
        format!("http://{}", self.container.address())
    }

    /// May do everything.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// The container, for tests that hurt it.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// Whether it serves requests itself.
    pub fn is_active(&self) -> bool {
        self.health() == 200
    }

    /// A new role whose tokens have `policy`, and a secret id for it.
    pub fn app_role(&self, policy: &str) -> AppRole {
        static COUNTER: AtomicUsize = AtomicUsize::new(1);
        let name = format!("backup-{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let role = format!("auth/approle/role/{name}");
        self.call(
            "PUT",
            &format!("sys/policies/acl/{name}"),
            Some(&json!({"policy": policy})),
        );
        self.call(
            "POST",
            &role,
            Some(&json!({"token_policies": [name], "token_ttl": "10m"})),
        );
        let role_id = self.call("GET", &format!("{role}/role-id"), None);
        let secret_id = self.call("POST", &format!("{role}/secret-id"), None);
        AppRole {
            role_id: text(&role_id["data"]["role_id"]),
            secret_id: text(&secret_id["data"]["secret_id"]),
        }
    }

    /// A new token with `policy` only.
    pub fn token(&self, policy: &str) -> String {
        let role = self.app_role(policy);
        let login = json!({"role_id": role.role_id, "secret_id": role.secret_id});
        text(&self.call("POST", "auth/approle/login", Some(&login))["auth"]["client_token"])
    }

    /// Makes every later snapshot larger by `mebibytes`, none of which can be compressed: storage is encrypted.
    pub fn fill(&self, mebibytes: usize) {
        if self.call("GET", "sys/mounts", None)["fill/"].is_null() {
            self.call("POST", "sys/mounts/fill", Some(&json!({"type": "kv"})));
        }
        // A Raft entry holds at most 1 MiB, and the value grows a little on the way.
        let value = "x".repeat(512 * 1024);
        for number in 0..mebibytes * 2 {
            self.call("POST", &format!("fill/{number}"), Some(&json!({"value": value})));
        }
    }

    /// Forgets the key: everything but status requests answers 503 from now on.
    pub fn seal(&self) {
        self.call("PUT", "sys/seal", None);
    }

    /// Whether `token` is still good.
    pub fn accepts(&self, token: &str) -> bool {
        self.send("GET", "auth/token/lookup-self", token, None).0 == 200
    }

    /// How many tokens exist.
    pub fn token_count(&self) -> usize {
        self.call("LIST", "auth/token/accessors", None)["data"]["keys"]
            .as_array()
            .map_or(0, Vec::len)
    }

    /// A whole snapshot, taken by curl.
    pub fn snapshot(&self) -> Vec<u8> {
        let header = format!("X-Vault-Token: {}", self.root_token);
        let url = format!("{}/v1/sys/storage/raft/snapshot", self.address());
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail",
                "--noproxy",
                "*",
                "--header",
                &header,
                &url,
            ])
            .output()
            .expect("run curl");
        assert!(
            output.status.success(),
            "curl {url}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// A request with the root token that must succeed; gives the reply's JSON, null where there is none.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, reply) = self.send(method, path, &self.root_token, body);
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {reply}\n{}",
            self.container.log()
        );
        reply
    }

    /// The same, with the reply's content behind a wrapping token that lives for ten minutes.
    pub fn wrapped(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let request = self
            .request(method, path, &self.root_token)
            .header("X-Vault-Wrap-TTL", "10m");
        let (status, reply) = exchange(request, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {reply}");
        reply
    }

    /// Any request: the status and the reply's JSON; 0 and why, where no reply came.
    pub fn send(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
        exchange(self.request(method, path, token), body)
    }

    fn request(&self, method: &str, path: &str, token: &str) -> Builder {
        Builder::new()
            .method(method)
            .uri(format!("{}/v1/{path}", self.address()))
            .header("X-Vault-Token", token)
    }

    pub(crate) fn health(&self) -> u16 {
        let url = format!("{}/v1/sys/health", self.address());
        agent().get(url).call().map_or(0, |reply| reply.status().as_u16())
    }
}

/// What Vault's own `operator raft snapshot inspect` says about an archive, offline.
pub fn inspect(archive: &[u8]) -> Output {
    inspect_with(&[], archive)
}

/// The same with options of that command.
pub fn inspect_with(more: &[&str], archive: &[u8]) -> Output {
    let (name, tag) = versions::vault_image();
    let image = format!("{name}:{tag}");
    let label = format!("{LABEL}={}", run_id());
    let options = [
        "run",
        "--rm",
        "--interactive",
        "--network",
        "none",
        "--label",
        &label,
        "--env",
        "HOME=/tmp",
    ];
    let command = ["operator", "raft", "snapshot", "inspect"];
    pipe_through(
        Command::new(engine_program())
            .args(options)
            .arg(&image)
            .args(command)
            .args(more)
            .arg("/dev/stdin"),
        archive,
    )
}

/// One node of a cluster that may have more. `port` is where clients outside of the containers reach it.
fn configuration(port: u16, join: &str) -> String {
    format!(
        r#"
storage "raft" {{
  path                   = "/data"
  performance_multiplier = 1
  {join}
}}
listener "tcp" {{
  address     = "0.0.0.0:{PORT}"
  tls_disable = true
}}
api_addr      = "http://127.0.0.1:{port}"
cluster_addr  = "http://{{{{ GetPrivateIP }}}}:8201"
disable_mlock = true
"#
    )
}

/// Where Vault listens in its container.
const PORT: u16 = 8200;

fn exchange(request: Builder, body: Option<&Value>) -> (u16, Value) {
    let request = request
        .body(body.map(Value::to_string).unwrap_or_default())
        .expect("a request");
    let what = format!("{} {}", request.method(), request.uri());
    let mut reply = match agent().run(request) {
        Ok(reply) => reply,
        Err(error) => return (0, Value::String(format!("{what}: {error}"))),
    };
    let text = reply.body_mut().read_to_string().expect("read the reply");
    (
        reply.status().as_u16(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

/// No proxy of the machine's, and statuses as they are.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .allow_non_standard_methods(true)
        .build()
        .into()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text, not {value}"))
        .to_owned()
}
