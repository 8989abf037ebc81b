//! Where the path of an output leads, looked at before anything is written there.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// As many links lead on to each other at most, as in the kernel (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// What stands at the end of a path.
pub(crate) enum Destination {
    /// A device, a FIFO or an inherited descriptor, open.
    Stream(File),
    /// A regular file, or nothing yet. It is no link.
    Place(PathBuf),
}

/// Follows `path` to its end.
///
/// # Errors
/// If a link or a FIFO on the way belongs neither to us nor to root, the end is a folder, or it cannot be opened.
pub(crate) fn destination(path: &Path) -> io::Result<Destination> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(found) = std::fs::symlink_metadata(&place) else {
            return Ok(Destination::Place(place));
        };
        if found.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        if found.is_file() {
            return Ok(Destination::Place(place));
        }
        if !found.is_symlink() {
            return stream(&place, &found);
        }
        // These links are made by the kernel, each for something that is open already; their text is no path.
        if is_descriptor(&place) {
            return inherited(&place);
        }
        trusted(found.uid(), "link")?;
        let target = std::fs::read_link(&place)?;
        place = folder_of(&place).join(target);
    }
    Err(rustix::io::Errno::LOOP.into())
}

fn stream(place: &Path, found: &Metadata) -> io::Result<Destination> {
    if found.file_type().is_fifo() {
        trusted(found.uid(), "FIFO")?;
    }
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let file = File::options().write(true).custom_flags(flags).open(place)?;
    // Somebody may have put another one there meanwhile.
    let opened = file.metadata()?;
    if opened.file_type().is_fifo() {
        trusted(opened.uid(), "FIFO")?;
    }
    Ok(Destination::Stream(file))
}

/// A descriptor that was open before we began: `/dev/stdout`, or what a shell hands over as `>(…)`. Nobody can exchange it.
fn inherited(place: &Path) -> io::Result<Destination> {
    if place.file_name().is_some_and(|number| number == "1") {
        // Opened anew, a file would be written to from its beginning.
        let stdout = io::stdout().as_fd().try_clone_to_owned()?;
        return Ok(Destination::Stream(File::from(stdout)));
    }
    if std::fs::metadata(place)?.is_file() {
        return std::fs::canonicalize(place).map(Destination::Place);
    }
    File::options().write(true).open(place).map(Destination::Stream)
}

fn is_descriptor(link: &Path) -> bool {
    let folder = std::fs::canonicalize(folder_of(link));
    folder.is_ok_and(|folder| folder.starts_with("/proc") && folder.ends_with("fd"))
}

fn trusted(owner: u32, what: &'static str) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    if [0, own].contains(&owner) {
        return Ok(());
    }
    Err(io::Error::other(Foreign { what, owner }))
}

/// Somebody else's.
#[derive(Debug)]
struct Foreign {
    what: &'static str,
    owner: u32,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, owner } = self;
        write!(
            f,
            "there is a {what} of another user (uid {owner}), who would choose where it goes"
        )
    }
}

impl std::error::Error for Foreign {}

/// The folder that a path is in.
pub(crate) fn folder_of(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn own_links_are_followed_to_what_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "old").unwrap();
        symlink("file", at("one")).unwrap();
        symlink(at("one"), at("two")).unwrap();
        symlink("nothing", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink(".", at("folder")).unwrap();
        for (name, expected) in [
            ("file", "file"),
            ("two", "file"),
            ("dangling", "nothing"),
            ("nothing", "nothing"),
        ] {
            let Ok(Destination::Place(place)) = destination(&at(name)) else {
                panic!("{name}");
            };
            assert_eq!(place, at(expected), "{name}");
        }
        for name in ["loop", "folder", "."] {
            assert!(destination(&at(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn what_belongs_to_others_is_refused_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let (link, fifo) = (folder.path().join("link"), folder.path().join("fifo"));
        symlink("/dev/null", &link).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from(0o622),
            0,
        )
        .unwrap();
        assert!(matches!(destination(&link), Ok(Destination::Stream(_))));
        let own = rustix::process::geteuid().as_raw();
        assert!(trusted(0, "link").is_ok() && trusted(own, "link").is_ok());
        let cause = trusted(own + 1234, "link").unwrap_err().to_string();
        assert!(cause.contains("a link of another user"), "{cause}");
        // Only root can give things away, so only then is it seen that each is looked at.
        if own == 0 {
            for path in [&link, &fifo] {
                std::os::unix::fs::lchown(path, Some(1234), Some(1234)).unwrap();
                let cause = destination(path).err().unwrap().to_string();
                assert!(cause.contains("of another user (uid 1234)"), "{cause}");
            }
        }
    }
}
