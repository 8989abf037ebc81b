//! What a request asks a store for.

/// The calls of an upload, a download and a deletion, told apart by method and query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `HEAD` of a key.
    Look,
    /// `GetObject`, of a version too.
    Get,
    /// `ListObjectsV2`, and `ListObjects`, its first version.
    List,
    /// `ListMultipartUploads`.
    Uploads,
    /// `PutObject`.
    Put,
    /// `CreateMultipartUpload`.
    Initiate,
    /// `UploadPart` of this number.
    Part(u32),
    /// `CompleteMultipartUpload`.
    Complete,
    /// `AbortMultipartUpload`.
    Abort,
    /// `DeleteObject`.
    Delete,
    /// Whatever else.
    Other,
}

impl Call {
    /// Of a request with this method and target.
    pub(super) fn of(method: &str, target: &str) -> Self {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let value = |name: &str| {
            query.split('&').find_map(|pair| {
                let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
                (found == name).then_some(value)
            })
        };
        let in_upload = value("uploadId").is_some();
        match method {
            "HEAD" => Self::Look,
            "GET" if value("uploads").is_some() => Self::Uploads,
            "GET" if value("prefix").is_some() => Self::List,
            "GET" if query.is_empty() || value("versionId").is_some() => Self::Get,
            "PUT" if query.is_empty() => Self::Put,
            "POST" if value("uploads").is_some() => Self::Initiate,
            "POST" if in_upload => Self::Complete,
            "DELETE" if in_upload => Self::Abort,
            "DELETE" if query.is_empty() => Self::Delete,
            "PUT" if in_upload => match value("partNumber").and_then(|number| number.parse().ok()) {
                Some(number) => Self::Part(number),
                None => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_method_and_query() {
        for (method, target, call) in [
            ("HEAD", "/b/k", Call::Look),
            ("GET", "/b/?list-type=2&prefix=k", Call::List),
            ("GET", "/b/?encoding-type=url&prefix=k&marker=k", Call::List),
            ("GET", "/b/?prefix=k&uploads=", Call::Uploads),
            ("PUT", "/b/k", Call::Put),
            ("POST", "/b/k?uploads=", Call::Initiate),
            ("PUT", "/b/k?partNumber=3&uploadId=x", Call::Part(3)),
            ("POST", "/b/k?uploadId=x", Call::Complete),
            ("DELETE", "/b/k?uploadId=x", Call::Abort),
            ("DELETE", "/b/k", Call::Delete),
            ("GET", "/b/k", Call::Get),
            ("GET", "/b/k?versionId=x", Call::Get),
            ("GET", "/b/k?tagging=", Call::Other),
        ] {
            assert_eq!(Call::of(method, target), call, "{method} {target}");
        }
    }
}
