//! What a schema is and may become.
