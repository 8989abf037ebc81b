//! As much HTTP as a store of the benchmarks needs.

use std::collections::HashMap;
use std::io::{self, BufRead};

/// The head of a request.
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names and values in lower case.
    pub(crate) fields: HashMap<String, String>,
}

/// The next one; nothing at the end of the connection.
pub(crate) fn head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut fields = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        fields.insert(name.to_ascii_lowercase(), value.trim().to_ascii_lowercase());
    }
    Ok(Some(Head {
        method,
        path,
        query,
        fields,
    }))
}
