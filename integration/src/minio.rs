//! A real MinIO.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use testcontainers::{CopyTargetOptions, ImageExt};

use crate::bucket::{self, Bucket, Signer};
use crate::container::Container;
use crate::shared::Shared;
use crate::versions;
use crate::wait::wait_for;

/// The only user. Not secret to anybody, but odd enough that a test can look for it in what programs print.
pub const ACCESS_KEY: &str = "AKIASNAPLINETESTS";
/// Its secret.
pub const SECRET_KEY: &str = "s3-secret-that-must-never-be-printed";

/// A MinIO server with its data in memory.
pub struct Minio {
    container: Container,
    scheme: &'static str,
}

impl Minio {
    /// Starts it and waits until it is ready.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these variables more.
    #[must_use]
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::launch("http", &["server", "/data"], variables, &[])
    }

    /// The same with TLS: the server's certificate and key.
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str) -> Self {
        Self::launch(
            "https",
            &["server", "--certs-dir", "/certs", "/data"],
            &[],
            &[("/certs/public.crt", certificate), ("/certs/private.key", key)],
        )
    }

    fn launch(scheme: &'static str, arguments: &[&str], variables: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let container = Container::start(versions::minio_image(), arguments, 9000, None, |request| {
            let request = request
                .with_env_var("MINIO_ROOT_USER", ACCESS_KEY)
                .with_env_var("MINIO_ROOT_PASSWORD", SECRET_KEY);
            let variables = variables.iter();
            let request = variables.fold(request, |request, (name, value)| request.with_env_var(*name, *value));
            files.iter().fold(request, |request, (path, content)| {
                request.with_copy_to(CopyTargetOptions::new(*path), content.as_bytes().to_vec())
            })
        });
        let minio = Self { container, scheme };
        // Its own health page says "ready" a moment before the first request is served.
        wait_for("MinIO serves requests", || {
            bucket::is_served(&minio.endpoint()).then_some(())
        });
        minio
    }

    /// The one that all tests share which run at the same time; not to be hurt.
    pub fn shared() -> Arc<Self> {
        static SHARED: Shared<Minio> = Shared::new();
        SHARED.get(Self::start)
    }

    /// What goes into `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.container.address())
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.container.address()
    }

    /// A new bucket of this test's own, named after it.
    pub fn bucket(&self, name: &str) -> Bucket {
        static COUNTER: AtomicUsize = AtomicUsize::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        self.bucket_named(&format!("{name}-{number}"))
    }

    /// A new bucket with exactly this name.
    pub fn bucket_named(&self, name: &str) -> Bucket {
        Bucket::create(&self.endpoint(), name)
    }

    /// A new bucket with object lock, and so with versions.
    pub fn locked_bucket(&self, name: &str) -> Bucket {
        Bucket::create_with(&self.endpoint(), name, &["x-amz-bucket-object-lock-enabled: true"])
    }

    /// Temporary credentials that have exactly the rights of `policy`.
    pub fn session(&self, policy: &str) -> Signer {
        bucket::session(&self.endpoint(), policy)
    }

    /// The container, for tests that hurt it.
    pub fn container(&self) -> &Container {
        &self.container
    }
}
