//! What a bucket holds, asked by a client that shares no code with ours: curl signs these requests.

use std::fmt::Write as _;
use std::process::Command;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::container::pipe_through;
use crate::minio::{ACCESS_KEY, SECRET_KEY};

/// What a signed query or path segment leaves as it is.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const UNSIGNED: &str = "x-amz-content-sha256: UNSIGNED-PAYLOAD";

/// A bucket on a real server.
pub struct Bucket {
    endpoint: String,
    /// Its name.
    pub name: String,
}

/// A listed object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub struct Object {
    /// The whole key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
}

/// In whose name a request is signed.
#[derive(Clone)]
pub struct Signer {
    /// The key's public name.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
}

impl Signer {
    /// The server's own user.
    pub fn root() -> Self {
        Self {
            access_key: ACCESS_KEY.into(),
            secret_key: SECRET_KEY.into(),
            session_token: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    assume_role_result: AssumeRoleResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: SessionCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
}

/// Temporary credentials that have exactly the rights of `policy`
/// (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; MinIO's own takes no role).
pub(crate) fn session(endpoint: &str, policy: &str) -> Signer {
    let form = format!(
        "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600&Policy={}",
        encode(policy)
    );
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "120",
        "--include",
    ]);
    command.args(["--aws-sigv4", "aws:amz:us-east-1:sts"]);
    command.args(["--user", &format!("{ACCESS_KEY}:{SECRET_KEY}")]);
    command.args(["--request", "POST", "--data", &form, &format!("{endpoint}/")]);
    let reply = Reply::parse(&pipe_through(&mut command, b"").stdout);
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let credentials = parse::<AssumeRole>(&reply).assume_role_result.credentials;
    Signer {
        access_key: credentials.access_key_id,
        secret_key: credentials.secret_access_key,
        session_token: Some(credentials.session_token),
    }
}

/// A reply: status 0 means that there was none.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header lines as they came.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    is_truncated: bool,
    #[serde(default)]
    contents: Vec<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Uploads {
    #[serde(default)]
    upload: Vec<Upload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
}

impl Bucket {
    pub(crate) fn create(endpoint: &str, name: &str) -> Self {
        Self::create_with(endpoint, name, &[])
    }

    /// With more header lines.
    pub(crate) fn create_with(endpoint: &str, name: &str, headers: &[&str]) -> Self {
        let bucket = Self {
            endpoint: endpoint.into(),
            name: name.into(),
        };
        let url = format!("{endpoint}/{name}/");
        let reply = request_as(&Signer::root(), &url, "PUT", headers, b"").expect("create a bucket");
        bucket.expect(200, &reply);
        bucket
    }

    /// Asks as somebody else for a key, with a query such as `?tagging=` behind it, or for the bucket itself.
    pub fn ask(&self, signer: &Signer, method: &str, key: &str, query: &str, body: &[u8]) -> Reply {
        let url = format!("{}/{}/{}{query}", self.endpoint, self.name, path(key));
        request_as(signer, &url, method, &[], body).unwrap_or_else(|reason| panic!("{method} {url}: {reason}"))
    }

    /// The body of a successful GET, as text.
    pub fn told(&self, key: &str, query: &str) -> String {
        let reply = self.ask(&Signer::root(), "GET", key, query, b"");
        self.expect(200, &reply);
        String::from_utf8(reply.body).expect("UTF-8")
    }

    /// The same bucket, reached by another way.
    #[must_use]
    pub fn through(&self, endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.into(),
            name: self.name.clone(),
        }
    }

    /// The `s3://` form of a key or prefix in it.
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// All objects, in the server's order.
    pub fn objects(&self) -> Vec<Object> {
        let mut objects: Vec<Object> = Vec::new();
        loop {
            let after = objects.last().map_or(String::new(), |last| encode(&last.key));
            let reply = self.request("GET", &format!("?list-type=2&start-after={after}"), b"");
            self.expect(200, &reply);
            let page: Listing = parse(&reply);
            objects.extend(page.contents);
            if !page.is_truncated {
                return objects;
            }
        }
    }

    /// The keys of [`Self::objects`].
    pub fn keys(&self) -> Vec<String> {
        self.objects().into_iter().map(|object| object.key).collect()
    }

    /// The keys of all unfinished multipart uploads. (MinIO tells them all only where no prefix is given.)
    pub fn uploads(&self) -> Vec<String> {
        let reply = self.request("GET", "?uploads=", b"");
        self.expect(200, &reply);
        parse::<Uploads>(&reply)
            .upload
            .into_iter()
            .map(|upload| upload.key)
            .collect()
    }

    /// The objects under a prefix, at most a page of them.
    pub fn objects_under(&self, prefix: &str) -> Vec<Object> {
        let reply = self.request("GET", &format!("?list-type=2&prefix={}", encode(prefix)), b"");
        self.expect(200, &reply);
        let page: Listing = parse(&reply);
        assert!(!page.is_truncated, "more than one page under '{prefix}'");
        page.contents
    }

    /// The ids of the unfinished uploads of exactly this key.
    pub fn uploads_of(&self, key: &str) -> Vec<String> {
        let reply = self.request("GET", &format!("?prefix={}&uploads=", encode(key)), b"");
        self.expect(200, &reply);
        let uploads = parse::<Uploads>(&reply).upload.into_iter();
        uploads
            .filter(|upload| upload.key == key)
            .map(|upload| upload.upload_id)
            .collect()
    }

    /// Stores an object.
    pub fn put(&self, key: &str, body: &[u8]) {
        self.expect(200, &self.request("PUT", &path(key), body));
    }

    /// Stores many objects of one byte each, with one curl for all of them.
    pub fn put_many<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        let mut config = String::new();
        for key in keys {
            // One "next" between two requests: what stands before it is that request's own.
            let separator = if config.is_empty() { "" } else { "next\n" };
            let url = format!("{}/{}/{}", self.endpoint, self.name, path(key));
            write!(
                config,
                "{separator}url = \"{url}\"\nrequest = PUT\ndata-binary = x\noutput = /dev/null\nnoproxy = *\nfail\n\
                 silent\nshow-error\nheader = \"{UNSIGNED}\"\naws-sigv4 = \"aws:amz:us-east-1:s3\"\n\
                 user = \"{ACCESS_KEY}:{SECRET_KEY}\"\n"
            )
            .expect("write to a string");
        }
        let output = pipe_through(Command::new("curl").args(["--config", "-"]), config.as_bytes());
        assert!(
            output.status.success(),
            "curl: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// An object's body, if it is there.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let reply = self.request("GET", &path(key), b"");
        (reply.status == 200).then_some(reply.body)
    }

    /// An object's header lines, if it is there.
    pub fn head(&self, key: &str) -> Option<String> {
        let reply = self.request("HEAD", &path(key), b"");
        (reply.status == 200).then_some(reply.headers)
    }

    /// Removes an object.
    pub fn delete(&self, key: &str) {
        self.expect(204, &self.request("DELETE", &path(key), b""));
    }

    /// Removes the empty bucket.
    pub fn remove(&self) {
        self.expect(204, &self.request("DELETE", "", b""));
    }

    /// Begins a multipart upload that nobody will finish.
    pub fn begin_upload(&self, key: &str) {
        self.expect(200, &self.request("POST", &format!("{}?uploads=", path(key)), b""));
    }

    fn request(&self, method: &str, target: &str, body: &[u8]) -> Reply {
        request(&format!("{}/{}/{target}", self.endpoint, self.name), method, body)
            .unwrap_or_else(|reason| panic!("{method} {target}: {reason}"))
    }

    fn expect(&self, status: u16, reply: &Reply) {
        let body = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, status, "bucket '{}': {}{body}", self.name, reply.headers);
    }
}

/// Whether the server answers a signed request.
pub(crate) fn is_served(endpoint: &str) -> bool {
    request(&format!("{endpoint}/"), "GET", b"").is_ok_and(|reply| reply.status == 200)
}

fn request(url: &str, method: &str, body: &[u8]) -> Result<Reply, String> {
    request_as(&Signer::root(), url, method, &[], body)
}

fn request_as(signer: &Signer, url: &str, method: &str, headers: &[&str], body: &[u8]) -> Result<Reply, String> {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--include",
        "--noproxy",
        "*",
        "--max-time",
        "120",
    ]);
    command.args([
        "--aws-sigv4",
        "aws:amz:us-east-1:s3",
        "--user",
        &format!("{}:{}", signer.access_key, signer.secret_key),
    ]);
    // Whether certificates are right is what others test.
    command.arg("--insecure");
    if let Some(token) = &signer.session_token {
        command.args(["--header", &format!("x-amz-security-token: {token}")]);
    }
    for header in headers {
        command.args(["--header", header]);
    }
    // What curl 7.88 signs for a body by itself is refused.
    command.args(["--header", UNSIGNED]);
    match method {
        "HEAD" => command.arg("--head"),
        "PUT" => command.args(["--request", "PUT", "--data-binary", "@-"]),
        other => command.args(["--request", other]),
    };
    let output = pipe_through(command.arg(url), body);
    if output.status.success() {
        Ok(Reply::parse(&output.stdout))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Reply {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a reply with headers");
        let headers = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = headers
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        let rest = &bytes[end + 4..];
        // "100 Continue" goes before the reply proper.
        if status == 100 {
            Self::parse(rest)
        } else {
            Self {
                status,
                headers,
                body: rest.to_vec(),
            }
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

fn path(key: &str) -> String {
    key.split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn parse<'a, T: Deserialize<'a>>(reply: &'a Reply) -> T {
    let text = std::str::from_utf8(&reply.body).expect("UTF-8");
    quick_xml::de::from_str(text).unwrap_or_else(|err| panic!("{err}: {text}"))
}
