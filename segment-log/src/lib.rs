//! Append-only partitions on disk.
