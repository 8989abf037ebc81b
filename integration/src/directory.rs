//! A real directory server: OpenLDAP with one tree in memory.

use std::process::Command;

use testcontainers::{CopyTargetOptions, ImageExt};

use crate::container::{Container, engine_program, pipe_through};
use crate::versions;
use crate::wait::wait_for;

const PORT: u16 = 389;

/// The tree that it serves.
pub const BASE: &str = "dc=example,dc=com";

const CONFIGURATION: &str = r#"
include    /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile    /tmp/slapd.pid
database   mdb
suffix     "dc=example,dc=com"
rootdn     "cn=admin,dc=example,dc=com"
rootpw     of-the-directorys-admin
directory  /data
"#;

/// The server; it knows nobody at first.
pub struct Directory {
    container: Container,
}

impl Directory {
    /// Starts it with an empty tree.
    #[must_use]
    pub fn start() -> Self {
        let arguments = ["-f", "/slapd.conf", "-h", "ldap://0.0.0.0:389", "-d", "stats"];
        let container = Container::start(versions::openldap_image(), &arguments, PORT, None, |request| {
            request.with_copy_to(CopyTargetOptions::new("/slapd.conf"), CONFIGURATION.as_bytes().to_vec())
        });
        let directory = Self { container };
        let tree = format!("dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: example\n");
        wait_for("the directory server answers", || {
            directory.try_add(&tree).then_some(())
        });
        directory
    }

    /// Where other containers reach it.
    pub fn inner_url(&self) -> String {
        format!("ldap://{}", self.container.inner_address())
    }

    /// Adds `cn=<name>` with a password. What is special in a distinguished name comes escaped.
    pub fn add_person(&self, name: &str, password: &str) {
        let entry = format!("dn: cn={name},{BASE}\nobjectClass: person\nsn: somebody\nuserPassword: {password}\n");
        assert!(self.try_add(&entry), "add {name}: {}", self.container.log());
    }

    /// The server's own client takes the entry on standard input.
    fn try_add(&self, entry: &str) -> bool {
        let client = ["/usr/bin/ldapadd", "-x", "-H", "ldap://127.0.0.1:389"];
        let admin = ["-D", "cn=admin,dc=example,dc=com", "-w", "of-the-directorys-admin"];
        let mut command = Command::new(engine_program());
        command
            .args(["exec", "--interactive", self.container.id()])
            .args(client)
            .args(admin);
        pipe_through(&mut command, entry.as_bytes()).status.success()
    }
}
