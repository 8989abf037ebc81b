//! URI templates and times for snapline.
