//! S3 for snapline: upload in parts, list, delete.
