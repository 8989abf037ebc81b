//! A container with one published port, and what tests do to it.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::{env, thread};

use testcontainers::bollard::models::PortBinding;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::SyncRunner;
use testcontainers::{ContainerRequest, GenericImage, ImageExt};

/// Marks what the tests start, with the run's id as value, so that `integration/test` can prove that nothing is left.
pub const LABEL: &str = "org.snapline.test";

/// A running server; removed when dropped.
pub struct Container {
    inner: testcontainers::Container<GenericImage>,
    inner_port: u16,
    outer_port: u16,
    others: Vec<(u16, u16)>,
}

impl Container {
    /// Starts `image` with `arguments`, its `port` published on the loopback interface only.
    ///
    /// `/data` and `/tmp` are in memory: nothing touches the disk, and a fresh container is really fresh. `configure`
    /// adds what is particular to the server. `outer_port` is for what must know its address before it starts.
    pub fn start(
        image: (&str, &str),
        arguments: &[&str],
        port: u16,
        outer_port: Option<u16>,
        configure: impl FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>,
    ) -> Self {
        Self::start_with(image, arguments, port, outer_port, &[], configure)
    }

    /// The same with more ports published.
    pub fn start_with(
        image: (&str, &str),
        arguments: &[&str],
        port: u16,
        outer_port: Option<u16>,
        others: &[u16],
        configure: impl FnOnce(ContainerRequest<GenericImage>) -> ContainerRequest<GenericImage>,
    ) -> Self {
        let exposed = others.iter().fold(GenericImage::new(image.0, image.1), |image, port| {
            image.with_exposed_port(port.tcp())
        });
        let published = others.to_vec();
        let request = exposed
            .with_exposed_port(port.tcp())
            .with_cmd(arguments.iter().copied())
            .with_label(LABEL, run_id())
            // The published images leave it to their users, the built ones have no home at all.
            .with_env_var("HOME", "/tmp")
            .with_mount(Mount::tmpfs_mount("/data"))
            .with_mount(Mount::tmpfs_mount("/tmp"))
            .with_host_config_modifier(move |host| {
                let loopback = PortBinding {
                    host_ip: Some("127.0.0.1".into()),
                    host_port: outer_port.map(|port| port.to_string()).or(Some(String::new())),
                };
                host.publish_all_ports = Some(false);
                let any = PortBinding {
                    host_port: Some(String::new()),
                    ..loopback.clone()
                };
                let mut bindings = vec![(format!("{port}/tcp"), Some(vec![loopback]))];
                bindings.extend(
                    published
                        .iter()
                        .map(|port| (format!("{port}/tcp"), Some(vec![any.clone()]))),
                );
                host.port_bindings = Some(bindings.into_iter().collect());
            });
        let inner = configure(request).start().unwrap_or_else(|err| {
            panic!(
                "start {}:{}: {err} (integration/setup makes the images)",
                image.0, image.1
            )
        });
        let outer_port = inner.get_host_port_ipv4(port).expect("read the published port");
        let others = others
            .iter()
            .map(|port| (*port, inner.get_host_port_ipv4(*port).expect("read the published port")))
            .collect();
        Self {
            inner,
            inner_port: port,
            outer_port,
            others,
        }
    }

    /// Where another published port is reached.
    pub fn address_of(&self, port: u16) -> String {
        let (_, outer) = self
            .others
            .iter()
            .find(|(inner, _)| *inner == port)
            .expect("a published port");
        format!("127.0.0.1:{outer}")
    }

    /// Where the published port is reached.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.outer_port)
    }

    /// Where other containers reach it.
    pub fn inner_address(&self) -> String {
        format!("{}:{}", self.in_its_network("IPAddress"), self.inner_port)
    }

    /// The address of this machine that the container reaches: what a test listens on to be called. No other machine reaches
    /// it.
    pub fn gateway(&self) -> String {
        self.in_its_network("Gateway")
    }

    /// Asked of the running container, never of its network: Docker's network `bridge` has no gateway until dockerd was started a
    /// second time.
    fn in_its_network(&self, field: &str) -> String {
        let template = format!("{{{{range .NetworkSettings.Networks}}}}{{{{.{field}}}}}{{{{end}}}}");
        let output = engine(&["inspect", "--format", &template, self.id()]);
        let address = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            !address.is_empty(),
            "the container {} has no {field}: it has ended, or the engine is rootless and gives containers no network of \
             this machine's",
            self.id()
        );
        address
    }

    /// The engine's name for it.
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// Ends the server as a power cut would: no signal handler runs, connections just end.
    pub fn kill(&self) {
        engine(&["kill", "--signal", "KILL", self.id()]);
    }

    /// Freezes the server: connections stay open and nothing moves.
    pub fn pause(&self) {
        engine(&["pause", self.id()]);
    }

    /// Undoes [`Self::pause`].
    pub fn unpause(&self) {
        engine(&["unpause", self.id()]);
    }

    /// Ends the server in good order and starts it again. What was in memory is gone, `/data` and `/tmp` included; the published
    /// port is the same only if it was chosen beforehand.
    pub fn restart(&self) {
        engine(&["restart", self.id()]);
    }

    /// What the server has written so far, for messages of failing tests.
    pub fn log(&self) -> String {
        let output = engine(&["logs", self.id()]);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

/// Runs the container engine's command line; panics if it fails.
pub fn engine(arguments: &[&str]) -> Output {
    let output = Command::new(engine_program())
        .args(arguments)
        .output()
        .expect("run the engine's command line");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {stderr}", engine_program());
    output
}

/// The engine's command line: `docker`, or what `integration/setup` found instead.
pub fn engine_program() -> String {
    env::var("SNAPLINE_ENGINE").unwrap_or_else(|_| "docker".into())
}

/// Names this run of the tests; set by `integration/test`.
pub fn run_id() -> String {
    env::var("SNAPLINE_TEST_RUN").unwrap_or_else(|_| "by-hand".into())
}

/// Runs `command` with `input` on its standard input. A command that ends without reading all of it is no failure.
pub fn pipe_through(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|err| panic!("run {command:?}: {err}"));
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    thread::scope(|scope| {
        scope.spawn(move || {
            // It may have ended early; its status and output say why.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("collect the output")
    })
}
