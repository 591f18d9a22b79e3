//! The annals server as a library.
