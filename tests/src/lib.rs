//! Tests of the whole: one integration binary, client suites, and the tidy test.
