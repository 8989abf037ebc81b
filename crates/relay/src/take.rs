//! From the source through the whole examination to a spool, for who must have an archive whole before anything else.

use snapline_archive::{Inspection, Inspector};
use snapline_cli::Progress;

use crate::copy::CHUNK;
use crate::{Spool, Stop, Waiting, Watch};

/// Copies an archive into `spool`, all of it, and returns the good verdict of `inspector`. `read` fills a buffer like
/// [`std::io::Read::read`].
///
/// # Errors
/// Which of the three failed: source, archive or spool.
pub fn take<E>(
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
    mut inspector: Inspector,
    spool: &mut Spool,
    watch: &Watch,
) -> Result<Inspection, Stop<E>> {
    let mut buffer = vec![0; CHUNK];
    let mut progress = Progress::new("read");
    loop {
        watch.waits_for(Waiting::Source);
        let count = read(&mut buffer).map_err(Stop::Source)?;
        if count == 0 {
            return inspector.finish().map_err(Stop::Archive);
        }
        inspector.push(&buffer[..count]).map_err(Stop::Archive)?;
        watch.waits_for(Waiting::Spool);
        spool.write_all(&buffer[..count]).map_err(Stop::Target)?;
        progress.add(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use snapline_archive::synthetic::Synthetic;

    use super::*;
    use crate::Stalls;

    fn taken(mut archive: &[u8]) -> (Result<Inspection, Stop<std::io::Error>>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path().to_str().unwrap()).unwrap();
        let stalls = Stalls {
            limit: Duration::from_secs(60),
            reading: Some("read it"),
            output: None,
            spool: None,
        };
        let watch = stalls.watch().unwrap();
        let result = take(|buffer| archive.read(buffer), Inspector::default(), &mut spool, &watch);
        spool.rewind().unwrap();
        let (mut copy, mut buffer) = (Vec::new(), vec![0; CHUNK]);
        loop {
            match spool.read(&mut buffer).unwrap() {
                0 => return (result, copy),
                count => copy.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn a_whole_archive_is_in_the_spool_to_its_last_byte() {
        let archive = Synthetic::new(1 << 20).to_vec();
        let (result, copy) = taken(&archive);
        assert_eq!(result.unwrap().summary.bytes, archive.len() as u64);
        assert!(copy == archive);
    }

    #[test]
    fn a_cut_archive_has_no_good_verdict() {
        let archive = Synthetic::new(1 << 20).to_vec();
        for missing in [1, 8, 1000, 200_000, archive.len()] {
            let (result, _) = taken(&archive[..archive.len() - missing]);
            assert!(matches!(result, Err(Stop::Archive(_))), "{missing}");
        }
    }
}
