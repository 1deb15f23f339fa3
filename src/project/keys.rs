//! The tables and keys of `espq.toml`, each declared once.
//!
//! From a declaration come the typed field with its span, its reader, hover, completion, the text of `espq init`, the
//! JSON Schema, the table in the README and the stage whose cached results the key decides. To add a key, add it here.

use crate::chip::{Method, NodeOrder, Runtime, Scheme, Storage, Target};
use crate::quant::{BiasCorrection, ChannelSplit, LayerwiseEqualization, WeightSplit};
use crate::samples::{Channels, Fit, LabelSource, Layout, Resize};

use super::config::{Data, EndNames, InputShapes, LayerChoice, Observer, Spanned};
use super::declare::{Defaulted, Field, Given, Init, Key, Offers, Required, Stage, Table, table};
use super::exclude::IgnoreLine;
use super::labels::ClassNames;
use super::pass_options::Switch;
use super::quantities::{Budget, Bytes, Cores, Megahertz, Milliseconds};
use super::values::{Divisors, FileStem, Share, Value};

table! { Config {
    /// The model and the target chip.
    #[key("model")]
    model: Model,

    /// The samples from which the ranges of activations are measured.
    #[key("calibration")]
    calibration: Calibration,

    /// The samples on which error is measured.
    #[key("analysis")]
    analysis: Analysis,

    /// The labels against which results are counted: classes that are right, or the squared error of values.
    #[key("accuracy")]
    accuracy: Accuracy,

    /// Limits on error, flash, RAM and time: above them, lint reports.
    #[key("limits")]
    limits: Limits,

    /// The board, where its settings differ from those of ESP-DL's examples: they decide RAM and time.
    #[key("board")]
    board: Board,

    /// The rules that report findings; `espq explain` lists them.
    #[key("lint")]
    lint: Lint,

    /// Passes that change weights to lower the error; the model's file stays as it is.
    #[key("optimize")]
    optimize: Optimize,

    /// The file that `espq export` writes.
    #[key("export")]
    export: Export,

    /// Precision of single layers, over `model.precision`. Names are those that `espq report` and Netron show.
    #[key("precision", stage = Stage::Settings, init = Init::Model)]
    precision: Vec<LayerChoice<Scheme>>,
}}

table! { Model {
    /// The model, .onnx, .tflite or .pt2, relative to this file. espq never writes to it.
    #[key("path", required = Required::Yes, example = "\"model.onnx\"", offers = Offers::Models,
          init = Init::Model)]
    path: Given<String>,

    /// Shape of the model's input, the batch of 1 among it, where the model leaves dimensions free; by name where there are
    /// several inputs. Without it, the shape of the samples.
    #[key("input-shape", example = "[1, 3, 224, 224]", stage = Stage::Model, init = Init::Model)]
    input_shape: Given<InputShapes>,

    /// Values or layers at which the network ends, by the names that Netron shows: a list, or a table that gives each a new
    /// name. What lies behind them is left out. Without it, the file's outputs.
    #[key("outputs", example = "[\"/features/features.18/Conv\"]", offers = Offers::Ends, stage = Stage::Model)]
    outputs: Given<EndNames>,

    /// Values or layers at which the network begins, in the form of `outputs`. Samples are still those of the file's inputs, and
    /// run through the part before. Without it, the file's inputs.
    #[key("inputs", example = "[\"/features/features.0/Conv\"]", offers = Offers::Ends, stage = Stage::Model)]
    inputs: Given<EndNames>,

    /// The chip, or `c` for ESP-DL's portable code.
    #[key("target", required = Required::Yes, example = "\"esp32p4\"", stage = Stage::Settings, init = Init::Model)]
    target: Given<Target>,

    /// Precision of all layers without their own in `[precision]`.
    #[key("precision", stage = Stage::Settings, init = Init::Default)]
    precision: Given<Scheme> = Scheme::Int8,

    /// The `.json` of an export by espq or esp-ppq, whose exponents and precisions replace calibration.
    #[key("quantization", example = "\"model.json\"", offers = Offers::Files(&["json"]))]
    quantization: Given<String>,
}}

table! { Calibration {
    /// `.npy`, `.npz` or image files: a path, a folder or a glob; or a table with one of these for each model input.
    #[key("data", required = Required::Unless("model.quantization"), example = "\"calib/*.npy\"",
          offers = Offers::Files(&["npy", "npz"]), init = Init::Model)]
    data: Given<Data>,

    /// At most this many samples, in file order.
    #[key("samples", stage = Stage::Samples, init = Init::Default)]
    samples: Given<usize> = 32,

    /// Observer of activations; `auto` measures all and takes the one with the least error. Without it, `kl` at int8 and
    /// `minmax` at 16 bits.
    #[key("method", example = "\"auto\"", stage = Stage::Settings, init = Init::Example)]
    method: Given<Observer>,

    /// Conversion of images to tensors: resized, then (pixel * scale - mean) / std.
    #[key("image")]
    image: Image,

    /// Observers of single layers, over `calibration.method`.
    #[key("methods", stage = Stage::Settings)]
    methods: Vec<LayerChoice<Method>>,
}}

table! { Image {
    /// Height and width, which must be those of the model's input. Without it, taken from the input.
    #[key("size", stage = Stage::Samples, init = Init::Model)]
    size: Given<[u32; 2]>,

    /// `"stretch"`, `"crop"`, or the length of the shorter side before the centre is cropped.
    #[key("resize", stage = Stage::Samples)]
    resize: Given<Resize> = Resize::Stretch,

    /// Fit of photos of other proportions, over `resize`. Without both, `letterbox` for detection networks.
    #[key("fit", example = "\"letterbox\"", stage = Stage::Samples)]
    fit: Given<Fit>,

    /// Order of channels. Without it, `"rgb"`, or `"gray"` where the model's input has one channel.
    #[key("channels", stage = Stage::Samples)]
    channels: Given<Channels>,

    /// Order of axes. Without it, taken from the shape of the model's input.
    #[key("layout", stage = Stage::Samples)]
    layout: Given<Layout>,

    /// Factor for pixels of 0 to 255. Without it, 1/255.
    #[key("scale", stage = Stage::Samples, init = Init::Model)]
    scale: Given<f32>,

    /// Subtracted after scaling: one number, or one per channel. Without it, 0.
    #[key("mean", stage = Stage::Samples, init = Init::Model)]
    mean: Given<Vec<f32>>,

    /// Divisor after the subtraction: one number, or one per channel. Without it, 1.
    #[key("std", stage = Stage::Samples, init = Init::Model)]
    std: Given<Divisors>,
}}

table! { Analysis {
    /// Separate samples to measure error on, in the forms of `calibration.data`. Without it, those of calibration.
    #[key("data", example = "\"test/*.npy\"", offers = Offers::Files(&["npy", "npz"]))]
    data: Given<Data>,

    /// At most this many samples, in file order. esp-ppq's `steps` of 8 takes 9.
    #[key("samples", stage = Stage::Analysis, init = Init::Default)]
    samples: Given<usize> = 9,
}}

table! { Accuracy {
    /// Labels: `"folders"` for the folders of the samples' files, a `.csv` or `.txt` file with a line `file,class` for each
    /// sample, a `.npy` file, or the name of an array in the `.npz` files. Integers are classes, floats are wanted outputs.
    #[key("labels", stage = Stage::Accuracy, example = "\"folders\"", offers = Offers::Files(&["csv", "txt", "npy"]))]
    labels: Given<LabelSource>,

    /// Names of the classes in the order of the network's output: a list, or a text file with a name in each line. Without it,
    /// the sorted names of the folders, or numbers from 0.
    #[key("classes", stage = Stage::Accuracy, example = "[\"cat\", \"dog\"]", offers = Offers::Files(&["txt"]))]
    classes: Given<ClassNames>,

    /// Samples with labels, in the forms of `calibration.data`. Without it, those of analysis, else those of calibration.
    #[key("data", example = "\"test\"", offers = Offers::Files(&["npy", "npz"]))]
    data: Given<Data>,

    /// At most this many samples, in file order. Without it, all.
    #[key("samples", example = "1000")]
    samples: Given<usize>,

    /// Output that the labels are of. Without it, the only one.
    #[key("output", stage = Stage::Accuracy, example = "\"logits\"")]
    output: Given<String>,

    /// Program that prints a number for outputs, run by `espq accuracy` and by nothing else: it gets a folder with an array
    /// `NAME.npy` of each output, the samples on its first axis.
    #[key("command", example = "\"python score.py\"")]
    command: Given<String>,
}}

table! { Limits {
    /// Limit on the noise-to-signal power ratio of each model output.
    #[key("output-nsr", init = Init::Default)]
    output_nsr: Given<Share> = Share(0.1),

    /// Limit on the noise-to-signal power ratio that quantizing one layer alone puts on the outputs.
    #[key("layer-nsr", init = Init::Default)]
    layer_nsr: Given<Share> = Share(0.01),

    /// Least share of the float network's boxes that the quantized one finds, for detection networks.
    #[key("boxes-found")]
    boxes_found: Given<Share> = Share(0.9),

    /// Limit on the accuracy that quantization loses on labelled samples: points of the share of right classes, or growth of the
    /// squared error. Without it, lint does not measure accuracy.
    #[key("accuracy-loss", example = "\"1%\"")]
    accuracy_loss: Given<Share>,

    /// Limit on the size of the `.espdl` file.
    #[key("flash", example = "\"1 MB\"")]
    flash: Given<Bytes>,

    /// Limit on RAM: values, copies of parameters, and buffers of kernels.
    #[key("ram", example = "\"512 KB\"")]
    ram: Given<Bytes>,

    /// Limit on the estimated time of one run.
    #[key("latency", example = "\"30 ms\"")]
    latency: Given<Milliseconds>,

    /// Limits of single layers, over `limits.layer-nsr`: for a layer whose error is known and accepted.
    #[key("layers", example = "\"5%\"")]
    layers: Vec<LayerChoice<Share>>,
}}

table! { Board {
    /// Clock of the CPU in MHz. Without it, 400 on the ESP32-P4 and 240 on the ESP32-S3.
    #[key("clock", example = "360")]
    clock: Given<Megahertz>,

    /// Size of the cache in front of PSRAM and flash: the data cache of the ESP32-S3, the L2 cache of the ESP32-P4. Without
    /// it, that of ESP-DL's examples, which is larger than ESP-IDF's default.
    #[key("cache", example = "\"32 KB\"")]
    cache: Given<Bytes>,

    /// Size of a line of that cache in bytes.
    #[key("cache-line", example = "32")]
    cache_line: Given<usize>,

    /// Clock of the PSRAM in MHz; 0 without PSRAM. Without it, 200 on the ESP32-P4 and 80 on the ESP32-S3.
    #[key("psram", example = "80")]
    psram: Given<Megahertz>,

    /// Cores that share a layer: 2 for `RUNTIME_MODE_MULTI_CORE`.
    #[key("cores")]
    cores: Given<Cores> = Cores(1),

    /// Place of the file.
    #[key("storage")]
    storage: Given<Storage> = Storage::Partition,

    /// Copies parameters to RAM when the model is loaded, as `Model` does by default. Otherwise they are read from flash.
    #[key("param-copy")]
    param_copy: Given<bool> = true,

    /// Internal RAM for values, `max_internal_size` of `Model`; the others go to PSRAM.
    #[key("internal")]
    internal: Given<Budget> = Budget(0),

    /// Constants of the time model for this board, a file that `espq profile LOG --fit -o FILE` writes. Without it, those that
    /// were fitted to the times that Espressif has published.
    #[key("constants", example = "\"board.toml\"", offers = Offers::Files(&["toml"]))]
    constants: Given<String>,
}}

table! { Lint {
    /// Rules that report, by code, name or beginning of a code. Without it, all.
    #[key("select", example = "[\"E\"]", offers = Offers::Rules)]
    select: Vec<Spanned<String>>,

    /// Rules that do not report, by code, name or beginning of a code.
    #[key("ignore", example = "[\"E002\"]", offers = Offers::Rules)]
    ignore: Vec<Spanned<String>>,

    /// Projects under this folder that `espq lint` passes over, as globs of their files or folders in the form of
    /// `.gitignore`, besides `node_modules` and the like. A path that the command line names is checked anyway.
    #[key("exclude", example = "[\"experiments/\"]")]
    exclude: Vec<Spanned<IgnoreLine>>,
}}

table! { Optimize {
    /// Moves a factor for each channel between layers, so that channels that share a scale have similar ranges.
    #[key("equalize", stage = Stage::Settings)]
    equalize: Given<bool> = false,

    /// Moves factors between layers so that scales, which are powers of two on the chip, fit the ranges.
    #[key("align", stage = Stage::Settings)]
    align: Given<bool> = false,

    /// Gives Add, Sub and Concat the scale of their widest input, if that of their output would cut it off.
    #[key("widen", stage = Stage::Settings)]
    widen: Given<bool> = false,

    /// Takes for each 8-bit value the scale that loses least of it on the samples, in place of the observer's.
    #[key("scales", stage = Stage::Settings)]
    scales: Given<bool> = false,

    /// Rounds 8-bit weights one after the other, each making up for the error of those before it on the samples, with the
    /// largest weights cut where finer steps are worth it.
    #[key("round", stage = Stage::Settings)]
    round: Given<bool> = false,

    /// esp-ppq's layerwise equalization, before all other passes: `true`, or a table of its options, `opt-level`, `iterations`,
    /// `value-threshold`, `including-bias`, `bias-multiplier`, `including-act`, `act-multiplier`, `interested-layers` and
    /// `relu6-as-relu`.
    #[key("layerwise-equalization", example = "{ iterations = 4, value-threshold = 0.4, opt-level = 2 }",
          stage = Stage::Settings)]
    layerwise_equalization: Given<Switch<LayerwiseEqualization>>,

    /// esp-ppq's bias correction, before `round` and `correct`: `true`, or a table of `block-size` and `interested-layers`.
    #[key("bias-correction", example = "{ block-size = 1 }", stage = Stage::Settings)]
    bias_correction: Given<Switch<BiasCorrection>>,

    /// esp-ppq's weight split: the weights of each layer in `interested-layers` above `value-threshold` are halved between the
    /// layer and a copy of it. It costs the flash and time of the copies.
    #[key("weight-split", example = "{ interested-layers = [\"/features/0/Conv\"], value-threshold = 2.0 }", stage = Stage::Model)]
    weight_split: Given<Switch<WeightSplit>>,

    /// esp-ppq's channel split: channels with large weights on both sides become two, each with 0.707 of both. `true`, or a table
    /// of `opt-level`, `iterations`, `value-threshold`, `including-bias`, `bias-multiplier` and `interested-layers`.
    #[key("channel-split", example = "{ iterations = 1, value-threshold = 2.0 }", stage = Stage::Model)]
    channel_split: Given<Switch<ChannelSplit>>,

    /// Keeps every n-th sample out of calibration and passes, and measures error on these. Without it, 4 where a pass is on.
    /// Samples of `analysis.data` are apart as they are.
    #[key("held-out", example = "4", stage = Stage::Samples)]
    held_out: Given<usize>,

    /// Changes weights and biases so that each layer makes up for the errors of its inputs.
    #[key("compensate", stage = Stage::Settings)]
    compensate: Given<bool> = false,

    /// Takes the mean error of each output channel out of its bias.
    #[key("correct", stage = Stage::Settings)]
    correct: Given<bool> = false,
}}

table! { Export {
    /// Name of the exported files, without an ending. By default the project's (`p4` of `p4.espq.toml`), or the model's.
    #[key("name", example = "\"model\"")]
    name: Given<FileStem>,

    /// The ESP-DL release that runs the file.
    #[key("esp-dl")]
    esp_dl: Given<Runtime> = Runtime::KNOWN,

    /// Stores a test input and its expected outputs in the file.
    #[key("test-values")]
    test_values: Given<bool> = false,

    /// Order in which nodes run. Every order computes the same; the arena of values may differ.
    #[key("order")]
    order: Given<NodeOrder> = NodeOrder::Ppq,
}}
