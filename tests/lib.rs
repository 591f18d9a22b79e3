//! Nothing to link: the tests of the whole live in `it/`, the client suites in `clients/`.
