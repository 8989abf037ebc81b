//! Stands in for what issues credentials in AWS: STS, the endpoint of a container, an instance's metadata. Whoever gets the
//! credentials, MinIO or Vault, is real.

use std::process::Command;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use crate::stand_in::{Reply, Request, StandIn};

/// What a pod's token file holds.
pub const WEB_TOKEN: &str = "web-identity-token-that-must-never-be-printed";
/// What a container shows to its endpoint.
pub const CONTAINER_TOKEN: &str = "container-token-that-must-never-be-printed";
/// The user whom `GetCallerIdentity` knows.
pub const USER_KEY: &str = "AKIASNAPLINEUSER";
/// The secret of that user.
pub const USER_SECRET: &str = "user-secret-that-must-never-be-printed";
/// Who that user is.
pub const USER_ARN: &str = "arn:aws:iam::111122223333:user/backup";

/// Temporary keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The session's token.
    pub token: String,
    /// How long they are said to live from the moment on when they are handed out.
    pub seconds: i64,
}

impl Keys {
    /// Real ones, by `AssumeRole` of a MinIO, asked by curl.
    pub fn of(minio: &Minio) -> Self {
        let user = format!("{ACCESS_KEY}:{SECRET_KEY}");
        let form = "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600";
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--noproxy", "*"])
            .args(["--aws-sigv4", "aws:amz:us-east-1:sts", "--user", &user])
            .args(["--data", form, &minio.endpoint()])
            .output()
            .expect("run curl");
        let reply = String::from_utf8_lossy(&output.stdout);
        let part = |name: &str| {
            let (_, behind) = reply
                .split_once(&format!("<{name}>"))
                .unwrap_or_else(|| panic!("no {name}: {reply}"));
            behind.split('<').next().expect("a first part").to_owned()
        };
        Self {
            id: part("AccessKeyId"),
            secret: part("SecretAccessKey"),
            token: part("SessionToken"),
            seconds: 3600,
        }
    }
}

/// The stand-in; it ends when dropped.
pub struct Cloud {
    server: StandIn,
    shared: Arc<Shared>,
}

struct Shared {
    /// In the order in which they are handed out, the last of them for ever.
    keys: Vec<Keys>,
    seen: Mutex<Vec<String>>,
    handed_out: Mutex<usize>,
}

impl Cloud {
    /// Listens on `host` and hands out `keys`, one after the other.
    #[must_use]
    pub fn start(host: &str, keys: Vec<Keys>) -> Self {
        let shared = Arc::new(Shared {
            keys,
            seen: Mutex::default(),
            handed_out: Mutex::default(),
        });
        let server = StandIn::start(host, {
            let shared = Arc::clone(&shared);
            move |request| answer(request, &shared)
        });
        Self { server, shared }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The first lines of all requests, for example `POST /`.
    pub fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().expect("no panic elsewhere").clone()
    }

    /// How often keys were handed out.
    pub fn handed_out(&self) -> usize {
        *self.shared.handed_out.lock().expect("no panic elsewhere")
    }
}

/// Vault puts another slash behind its endpoint; AWS signs and serves what is left of the path without such.
fn path(request: &Request) -> String {
    request.path.replace("//", "/")
}

fn answer(request: &Request, shared: &Shared) -> Reply {
    let line = format!("{} {}", request.method, path(request));
    shared.seen.lock().expect("no panic elsewhere").push(line.clone());
    let (status, body) = match line.as_str() {
        "POST /" => sts(request, shared),
        "GET /v1/credentials" if request.header("authorization") == Some(CONTAINER_TOKEN) => ok(issued(&shared.next())),
        "PUT /latest/api/token" if request.header("x-aws-ec2-metadata-token-ttl-seconds").is_some() => ok("T0KEN"),
        path if request.header("x-aws-ec2-metadata-token") == Some("T0KEN") => match path {
            "GET /latest/meta-data/iam/security-credentials/" => ok("backup"),
            "GET /latest/meta-data/iam/security-credentials/backup" => ok(issued(&shared.next())),
            _ => ("404 Not Found", String::new()),
        },
        _ => (
            "401 Unauthorized",
            "{\"code\":\"AccessDenied\",\"message\":\"who is that\"}".to_owned(),
        ),
    };
    // Vault demands the type that STS sends.
    let kind = if line.starts_with("POST") {
        "text/xml"
    } else {
        "application/json"
    };
    Reply { status, kind, body }
}

impl Shared {
    fn next(&self) -> Keys {
        let mut count = self.handed_out.lock().expect("no panic elsewhere");
        *count += 1;
        let keys = self.keys.get(*count - 1).or(self.keys.last());
        keys.expect("keys to hand out").clone()
    }
}

fn ok(body: impl Into<String>) -> (&'static str, String) {
    ("200 OK", body.into())
}

fn end(keys: &Keys) -> String {
    let end = OffsetDateTime::now_utc() + Duration::seconds(keys.seconds);
    end.format(&Rfc3339).expect("a time")
}

fn issued(keys: &Keys) -> String {
    let Keys { id, secret, token, .. } = keys;
    let end = end(keys);
    format!(
        "{{\"Code\":\"Success\",\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\"Token\":\"{token}\",\
         \"Expiration\":\"{end}\"}}"
    )
}

fn sts(request: &Request, shared: &Shared) -> (&'static str, String) {
    let field = |name: &str| {
        request
            .body
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    match field("Action") {
        Some("AssumeRoleWithWebIdentity") if field("WebIdentityToken") == Some(WEB_TOKEN) => {
            let keys = shared.next();
            let (Keys { id, secret, token, .. }, end) = (&keys, end(&keys));
            ok(format!(
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{id}\
                 </AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>\
                 {end}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
            ))
        }
        Some("AssumeRoleWithWebIdentity") => refusal("400 Bad Request", "InvalidIdentityToken", "nobody trusts it"),
        Some("GetCallerIdentity") if signature(request).is_some_and(|good| good) => ok(format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>\
             {USER_ARN}</Arn><UserId>AIDASNAPLINE</UserId><Account>111122223333</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        )),
        Some("GetCallerIdentity") => refusal("403 Forbidden", "SignatureDoesNotMatch", "it is none of this user"),
        _ => refusal("400 Bad Request", "InvalidAction", "no such action"),
    }
}

fn refusal(status: &'static str, code: &str, message: &str) -> (&'static str, String) {
    let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>");
    (status, body)
}

/// Whether the request is signed with the user's key, by the rules of
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; none if it is not signed at all.
fn signature(request: &Request) -> Option<bool> {
    let authorization = request.header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |name: &str| {
        authorization
            .split(", ")
            .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let (id, scope) = part("Credential")?.split_once('/')?;
    let signed = part("SignedHeaders")?;
    for needed in ["host", "x-amz-date"] {
        if !signed.split(';').any(|name| name == needed) {
            return Some(false);
        }
    }
    let mut canonical = format!("{}\n{}\n\n", request.method, path(request));
    for name in signed.split(';') {
        canonical.push_str(&format!("{name}:{}\n", request.header(name)?));
    }
    canonical.push_str(&format!("\n{signed}\n{}", hex(&Sha256::digest(&request.body))));
    let time = request.header("x-amz-date")?;
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = format!("AWS4{USER_SECRET}").into_bytes();
    for word in scope.split('/') {
        key = hmac(&key, word.as_bytes());
    }
    Some(
        id == USER_KEY
            && scope.ends_with("/us-east-1/sts/aws4_request")
            && part("Signature")? == hex(&hmac(&key, to_sign.as_bytes())),
    )
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
