//! envfile
