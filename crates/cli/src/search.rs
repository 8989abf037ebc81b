//! Where the file of a program is that we run: the rules of execvp(3), applied before anything is started.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// Where programs are looked for when PATH is not set, as in glibc.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Why there is no file to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The name has a slash, and no such file is there.
    NoFile,
    /// The name has no slash, and no folder of PATH has it.
    NotOnPath(String),
    /// A file is there, but it may not be executed.
    NotExecutable(PathBuf),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile => write!(f, "there is no such file"),
            Self::NotOnPath(path) => write!(f, "there is no such program on PATH '{path}'"),
            Self::NotExecutable(path) => write!(f, "'{}' is not executable", path.display()),
        }
    }
}

/// The file of `program`: the name itself if it has a slash, else the first executable file of that name in `path`.
///
/// As in execvp(3), an empty element of `path` is the working directory, and a file that may not be executed does not end
/// the search.
///
/// # Errors
/// Why there is none.
pub fn find_program(program: &str, path: Option<&OsStr>) -> Result<PathBuf, Missing> {
    if program.contains('/') {
        let place = PathBuf::from(program);
        return match look_at(&place) {
            Found::Program => Ok(place),
            Found::Other => Err(Missing::NotExecutable(place)),
            Found::Nothing => Err(Missing::NoFile),
        };
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
    let mut refused = None;
    for folder in std::env::split_paths(path) {
        // The leading dot keeps a slash in the name: a bare name would be looked for on PATH once more when it is started.
        let folder = if folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            folder
        };
        let place = folder.join(program);
        match look_at(&place) {
            Found::Program => return Ok(place),
            Found::Other => refused = refused.or(Some(place)),
            Found::Nothing => {}
        }
    }
    Err(refused.map_or_else(
        || Missing::NotOnPath(path.to_string_lossy().into_owned()),
        Missing::NotExecutable,
    ))
}

enum Found {
    Program,
    Other,
    Nothing,
}

fn look_at(place: &Path) -> Found {
    // A folder has the same bit as a program, so the kind of file must be asked for as well.
    match place.metadata() {
        Ok(found) if found.is_file() && rustix::fs::access(place, Access::EXEC_OK).is_ok() => Found::Program,
        Ok(_) => Found::Other,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Found::Other,
        Err(_) => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Two folders with files of these modes, and a PATH of both.
    fn folders(first: &[(&str, u32)], second: &[(&str, u32)]) -> (tempfile::TempDir, OsString) {
        let root = tempfile::tempdir().unwrap();
        let folders = [("first", first), ("second", second)].map(|(name, files)| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            for (file, mode) in files {
                let file = folder.join(file);
                fs::write(&file, "").unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(*mode)).unwrap();
            }
            folder
        });
        let path = std::env::join_paths(folders).unwrap();
        (root, path)
    }

    #[test]
    fn the_first_executable_file_on_path_is_found() {
        let (root, path) = folders(&[("a", 0o644), ("b", 0o755)], &[("a", 0o755), ("b", 0o755)]);
        let found = |program| find_program(program, Some(&path)).unwrap();
        assert_eq!(found("a"), root.path().join("second/a"));
        assert_eq!(found("b"), root.path().join("first/b"));
    }

    #[test]
    fn a_file_that_is_not_executable_is_told_apart_from_none() {
        let (root, path) = folders(&[("a", 0o644)], &[]);
        let place = root.path().join("first/a");
        assert_eq!(
            find_program("a", Some(&path)),
            Err(Missing::NotExecutable(place.clone()))
        );
        assert_eq!(
            find_program(place.to_str().unwrap(), None),
            Err(Missing::NotExecutable(place.clone()))
        );
        assert_eq!(
            find_program("b", Some(&path)),
            Err(Missing::NotOnPath(path.to_str().unwrap().to_owned()))
        );
    }

    #[test]
    fn a_folder_is_no_program() {
        let (root, _) = folders(&[], &[]);
        let path = Some(root.path().as_os_str());
        assert_eq!(
            find_program("first", path),
            Err(Missing::NotExecutable(root.path().join("first")))
        );
    }

    #[test]
    fn a_name_with_a_slash_is_a_path_and_not_searched_for() {
        let (_root, path) = folders(&[("a", 0o755)], &[]);
        assert_eq!(find_program("./no-such-folder/a", Some(&path)), Err(Missing::NoFile));
        assert_eq!(find_program("/bin/sh", None), Ok(PathBuf::from("/bin/sh")));
    }

    #[test]
    fn without_path_the_usual_folders_are_searched() {
        assert!(find_program("sh", None).is_ok());
        assert!(find_program("sh", Some(OsStr::new("/no/such/folder"))).is_err());
    }

    #[test]
    fn an_empty_element_is_the_working_directory() {
        // Tests run in the package's folder.
        assert_eq!(
            find_program("Cargo.toml", Some(OsStr::new("/no/such/folder:"))),
            Err(Missing::NotExecutable(PathBuf::from("./Cargo.toml")))
        );
    }
}
