//! What the fuzz targets share: the properties and the naive decoder of the tests, and the comparison with
//! other libraries.

#[path = "../../tests/naive/mod.rs"]
pub mod naive;
pub mod peers;

pub use naive::properties;
