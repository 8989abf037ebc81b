//! What is uploaded and downloaded: valid snapshots, made once and read from the page cache.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use snapline_archive::synthetic::{Content, Encoding, Synthetic};

/// What kind of snapshot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As large as that of a fresh cluster.
    Tiny,
    /// Of so many MiB, of data that does not shrink, stored.
    Stored(u64),
    /// Three parts of ciphertext to two of paths, compressed, so many MiB before that.
    Mixed(u64),
}

/// A file.
#[derive(Debug)]
pub struct Input {
    /// As tables have it.
    pub name: String,
    /// What kind of snapshot it is.
    pub kind: Kind,
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
}

impl Input {
    /// The tiny one, one of each of `sizes` (MiB), and a mixed one of 1 GiB or of the largest of them.
    pub fn all(folder: &Path, sizes: &[u64]) -> Vec<Self> {
        let largest = sizes.iter().copied().max().unwrap_or(64);
        let mut inputs = vec![Self::make(folder, Kind::Tiny)];
        inputs.extend(sizes.iter().map(|size| Self::make(folder, Kind::Stored(*size))));
        inputs.push(Self::make(folder, Kind::Mixed(largest.min(1024))));
        inputs
    }

    fn make(folder: &Path, kind: Kind) -> Self {
        let (name, state_bytes) = match kind {
            Kind::Tiny => ("tiny".to_owned(), 20_000),
            Kind::Stored(mebibytes) => (format!("{mebibytes} MiB"), mebibytes << 20),
            Kind::Mixed(mebibytes) => (format!("{mebibytes} MiB, mixed"), mebibytes << 20),
        };
        eprintln!("== making the snapshot {name}");
        let mut recipe = Synthetic::new(state_bytes);
        if matches!(kind, Kind::Mixed(_)) {
            recipe.content = Content::Mixed;
            recipe.encoding = Encoding::Deflated;
        }
        let path = folder.join(name.replace([' ', ','], "-"));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).expect("create a file"));
        let size = recipe.write(&mut out).expect("write a file");
        out.flush().expect("write a file");
        Self { name, kind, path, size }
    }

    /// Frees the disk.
    pub fn remove(&self) {
        fs::remove_file(&self.path).expect("remove a file");
    }
}
