//! Field numbers of ESP-DL's schema by table, in the order of `espdl.fbs` (espressif/esp-dl,
//! `esp-dl/fbs_loader/espdl.fbs`, IR version 2023-12-22).
//!
//! Only tables and fields that ESP-DL's loader reads are here. Subgraphs, functions, annotations and types other than
//! tensors are in the schema, but have no reader.

pub mod model {
    pub const IR_VERSION: usize = 0;
    pub const OPSET_IMPORT: usize = 1;
    pub const PRODUCER_NAME: usize = 2;
    pub const PRODUCER_VERSION: usize = 3;
    pub const DOMAIN: usize = 4;
    pub const MODEL_VERSION: usize = 5;
    pub const DOC_STRING: usize = 6;
    pub const GRAPH: usize = 7;
    pub const METADATA_PROPS: usize = 8;
}

pub mod opset {
    pub const DOMAIN: usize = 0;
    pub const VERSION: usize = 1;
}

pub mod entry {
    pub const KEY: usize = 0;
    pub const VALUE: usize = 1;
}

pub mod graph {
    pub const NODE: usize = 0;
    pub const NAME: usize = 1;
    pub const INITIALIZER: usize = 2;
    pub const DOC_STRING: usize = 3;
    pub const INPUT: usize = 4;
    pub const OUTPUT: usize = 5;
    pub const VALUE_INFO: usize = 6;
    pub const TEST_INPUTS_VALUE: usize = 8;
    pub const TEST_OUTPUTS_VALUE: usize = 9;
}

pub mod node {
    pub const INPUT: usize = 0;
    pub const OUTPUT: usize = 1;
    pub const NAME: usize = 2;
    pub const OP_TYPE: usize = 3;
    pub const DOMAIN: usize = 4;
    pub const ATTRIBUTE: usize = 5;
    pub const DOC_STRING: usize = 6;
}

pub mod attribute {
    pub const NAME: usize = 0;
    pub const ATTR_TYPE: usize = 3;
    pub const F: usize = 4;
    pub const I: usize = 5;
    pub const S: usize = 6;
    pub const T: usize = 7;
    pub const FLOATS: usize = 10;
    pub const INTS: usize = 11;
    pub const STRINGS: usize = 12;
}

/// `AttributeType`.
pub mod attribute_type {
    pub const FLOAT: i32 = 1;
    pub const INT: i32 = 2;
    pub const STRING: i32 = 3;
    pub const TENSOR: i32 = 4;
    pub const FLOATS: i32 = 6;
    pub const INTS: i32 = 7;
    pub const STRINGS: i32 = 8;
}

pub mod tensor {
    pub const DIMS: usize = 0;
    pub const DATA_TYPE: usize = 1;
    pub const FLOAT_DATA: usize = 2;
    pub const INT32_DATA: usize = 3;
    pub const INT64_DATA: usize = 5;
    pub const NAME: usize = 6;
    pub const DOC_STRING: usize = 7;
    pub const RAW_DATA: usize = 8;
    pub const DOUBLE_DATA: usize = 11;
    pub const UINT64_DATA: usize = 12;
    pub const EXPONENTS: usize = 13;
}

/// Fields of a union: the number of its table, and the table.
pub mod value_info {
    pub const NAME: usize = 0;
    pub const VALUE_INFO_TYPE: usize = 1;
    pub const DOC_STRING: usize = 2;
    pub const EXPONENTS: usize = 3;
}

pub mod type_info {
    pub const VALUE_TYPE: usize = 0;
    pub const VALUE: usize = 1;
    /// Number of the table `tensor_type` in `TypeInfoValue`.
    pub const IS_TENSOR: u8 = 1;
}

pub mod tensor_type {
    pub const ELEM_TYPE: usize = 0;
    pub const SHAPE: usize = 1;
}

pub mod shape {
    pub const DIM: usize = 0;
}

pub mod dimension {
    pub const VALUE: usize = 0;
}

pub mod dimension_value {
    pub const DIM_TYPE: usize = 0;
    pub const DIM_VALUE: usize = 1;
    pub const DIM_PARAM: usize = 2;
    pub const IS_VALUE: u8 = 1;
    pub const IS_PARAM: u8 = 2;
}
