//! The beginning: the first part is read, and judged as far as that goes, before the store hears of anything.

use std::io::Read as _;

use snapline_cli::{Failure, Input, Kind, OrExit as _};

use crate::args::Config;
use crate::feeder;
use crate::filter::Filter;
use crate::gate::Gate;
use crate::parts::{self, Buffer};
use crate::product::Product;
use crate::running::Running;

/// How much is read at once before a filter is started: meta.json comes within the first KiB.
const HEAD: usize = 64 << 10;
/// How much is kept until it has come.
const LONGEST_HEAD: usize = 1 << 20;

/// What is to be stored, and its first part.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Full, unless all is in it.
    pub(crate) first: Buffer,
    /// Whether all is in it.
    pub(crate) ended: bool,
    /// Has seen the first part.
    pub(crate) gate: Gate,
    pub(crate) rest: Rest,
    /// Bytes.
    pub(crate) part_size: usize,
    /// Ends the filter, if there is one, when it is dropped.
    pub(crate) running: Option<Running>,
}

/// Where the other parts come from.
#[derive(Debug)]
pub(crate) enum Rest {
    Input(Input),
    Product(Product),
}

impl Rest {
    /// How messages name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Input(input) => input.name.clone(),
            Self::Product(product) => product.name(),
        }
    }
}

impl Opening {
    /// Opens what `config` says.
    ///
    /// # Errors
    /// If there is nothing to read, or something that is not what it should be, or if the filter cannot be started.
    pub(crate) fn new(config: &Config, input: Input) -> Result<Self, Failure> {
        match &config.filter {
            None => Self::plain(config, input),
            Some(filter) => Self::filtered(config, input, filter),
        }
    }

    fn plain(config: &Config, mut input: Input) -> Result<Self, Failure> {
        let mut gate = Gate::new(config.raw);
        let mut first = Buffer::new(in_memory(config.part_size)?)?;
        let reading = format!("read {}", input.name);
        let mut ended = first.fill(input.file()).or_exit(Kind::Io, &reading)?;
        gate.push(first.bytes())?;
        let mut part_size = config.part_size;
        if let (false, Some(meta)) = (ended, gate.meta()) {
            part_size = part_size_for(config, meta.size, parts::largest_archive(meta.size))?;
            if part_size > config.part_size {
                let seen = first.bytes().len();
                first.enlarge(in_memory(part_size)?)?;
                ended = first.fill(input.file()).or_exit(Kind::Io, &reading)?;
                gate.push(first.bytes().get(seen..).unwrap_or_default())?;
            }
        }
        Ok(Self {
            first,
            ended,
            gate,
            rest: Rest::Input(input),
            part_size: in_memory(part_size)?,
            running: None,
        })
    }

    /// The filter is started only once the input has begun like a snapshot.
    fn filtered(config: &Config, mut input: Input, filter: &Filter) -> Result<Self, Failure> {
        let mut gate = Gate::new(false);
        let mut head = Vec::new();
        let meta = loop {
            let seen = head.len();
            let limit = u64::try_from(HEAD).unwrap_or(u64::MAX);
            let read = (&mut input).take(limit).read_to_end(&mut head);
            let count = read.or_exit(Kind::Io, format!("read {}", input.name))?;
            gate.push(head.get(seen..).unwrap_or_default())?;
            if let Some(meta) = gate.meta() {
                break meta.clone();
            }
            if count < HEAD {
                gate.finish()?;
                return Err(Failure::says(Kind::Data, "verify the snapshot: it has no meta.json"));
            }
            if head.len() >= LONGEST_HEAD {
                let message = format!(
                    "verify the snapshot: it has no meta.json in its first {} MiB",
                    LONGEST_HEAD >> 20
                );
                return Err(Failure::says(Kind::Data, message));
            }
        };
        let part_size = part_size_for(config, meta.size, parts::largest_product(meta.size))?;
        let part_size = in_memory(part_size)?;
        let mut first = Buffer::new(part_size)?;
        let (running, stdin, mut product) = filter.start()?;
        feeder::feed(running.shared(), head, input, gate, stdin)?;
        let ended = first
            .fill(&mut product)
            .or_exit(Kind::Io, format!("read {}", product.name()))?;
        Ok(Self {
            first,
            ended,
            gate: Gate::filtered(meta, running.shared()),
            rest: Rest::Product(product),
            part_size,
            running: Some(running),
        })
    }
}

/// The part size for `bytes` in all, which a state of `state_bytes` may become. That is what meta.json claims, before anything is
/// proven: memory is not taken for it without limit.
fn part_size_for(config: &Config, state_bytes: u64, bytes: u64) -> Result<u64, Failure> {
    let wanted = config.part_size;
    let buffers = u64::try_from(config.concurrency).unwrap_or(u64::MAX).saturating_add(1);
    let size = parts::part_size(wanted, bytes).ok_or_else(|| {
        let message = format!("store a state of {state_bytes} bytes: no object may be that large");
        Failure::says(Kind::Data, message)
    })?;
    if size > parts::largest_raised(wanted, buffers) {
        let message = format!(
            "store a state of {state_bytes} bytes, as meta.json says: it takes parts of {} MiB, and those more than {} MiB of memory",
            size >> 20,
            parts::MOST_MEMORY >> 20
        );
        let hint = format!(
            "if it is that large, --part-size {0}MiB takes {1} MiB of memory, and fewer parts at once (--concurrency) less",
            size >> 20,
            size.saturating_mul(buffers) >> 20
        );
        return Err(Failure::says(Kind::Usage, message).hint(hint));
    }
    if size > wanted {
        log::info!("the archive is large: parts of {} MiB", size >> 20);
    }
    Ok(size)
}

fn in_memory(part_size: u64) -> Result<usize, Failure> {
    usize::try_from(part_size).or_exit(Kind::Usage, format!("use parts of {part_size} bytes"))
}
