//! Exported program: the JSON of the archive, checked for version and form, with its tensors by name.

use std::cell::Cell;
use std::sync::OnceLock;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use prost::bytes::Bytes;

use super::archive::{self, Archive};
use super::schema::{self, Argument, Config, Exported, Graph, Header, Module, Payload, Text};
use super::tensors::{self, Plain};
use crate::graph::Tensor;
use crate::model::{File, Part};
use crate::{Error, Result, bail};

const AGAIN: &str = "the file is damaged, or was written by a newer PyTorch: save the program again";
const SAVE: &str = "in the program that builds the model: `torch.export.save(torch.export.export(model.eval(), \
                    (torch.zeros(1, 3, 224, 224),)), \"model.pt2\")`, with your input's shape";

/// Tensors by name.
pub type Tensors<'a> = HashMap<Text<'a>, Stored<'a>>;

/// Tensor of the archive.
pub struct Stored<'a> {
    /// Folder of its storage.
    folder: &'static str,
    payload: Payload<'a>,
    /// Set for a float32 tensor that lies in the file as it is, alone in its storage.
    pub plain: Option<Plain<'a>>,
}

/// Texts of the archive, of which the program's are parts.
#[derive(Default)]
pub struct Texts {
    program: OnceLock<Bytes>,
    /// Lists of constants and of weights.
    lists: [OnceLock<Bytes>; 2],
}

/// Program of an archive.
pub struct Program<'a> {
    archive: &'a Archive<'a>,
    pub module: Module<'a>,
    tensors: &'a Tensors<'a>,
    /// Elements that tensors may have together: a small file must not fill memory by strides of 0.
    budget: Cell<usize>,
    /// Names of parameters, buffers and constants by their names in the graph.
    pub names: HashMap<Text<'a>, Text<'a>>,
    /// Names of user inputs in their order.
    pub inputs: Vec<Text<'a>>,
    /// Values that the user gets, in their order.
    pub outputs: Vec<Text<'a>>,
}

impl<'a> Program<'a> {
    /// Reads the program; another thread may read the list of entries and the tensors.
    pub fn read(
        file: &'a File,
        archive: &'a OnceLock<Result<Archive<'a>>>,
        tensors: &'a OnceLock<Result<Tensors<'a>>>,
        texts: &'a Texts,
    ) -> Result<Program<'a>> {
        // The other thread lists the entries meanwhile. An error of that list comes first nevertheless.
        let module = |part: Part, name: &str| module(text(part, &texts.program)?, name);
        let early = archive::only(file, "models/", ".json").map(|(name, part)| module(part, &name));
        let archive = archive.get_or_init(|| Archive::open(file)).as_ref().map_err(Error::clone)?;
        let model = model(archive)?;
        let mut module = early.unwrap_or_else(|| module(archive.entry(model)?, model))?;
        super::inline::inline(&mut module.graph);
        if archive.has("byteorder") && *archive.entry("byteorder")?.read()? != *b"little" {
            bail!("the weights are big-endian numbers")
        }
        let tensors = tensors.get_or_init(|| self::tensors(archive, texts)).as_ref().map_err(Error::clone)?;
        let budget = Cell::new(archive.size.saturating_mul(16) + (1 << 20));
        let mut program = Program {
            archive,
            module,
            tensors,
            budget,
            names: HashMap::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        program.sign().map_err(|e| e.with_help(AGAIN))?;
        Ok(program)
    }

    /// Returns the bytes of the file.
    pub fn size(&self) -> usize {
        self.archive.size
    }

    pub fn graph(&self) -> &Graph<'a> {
        &self.module.graph
    }

    /// Takes down what the inputs and outputs of the graph are.
    fn sign(&mut self) -> Result<()> {
        let signature = &self.module.signature;
        self.names = HashMap::with_capacity(signature.input_specs.len());
        for (at, spec) in signature.input_specs.iter().enumerate() {
            let constant = match (&spec.parameter, &spec.buffer, &spec.tensor_constant) {
                (Some(parameter), ..) => Some((&parameter.arg, &parameter.parameter_name)),
                (_, Some(buffer), _) => Some((&buffer.arg, &buffer.buffer_name)),
                (.., Some(constant)) => Some((&constant.arg, &constant.tensor_constant_name)),
                _ => None,
            };
            if let Some((argument, name)) = constant {
                self.names.insert(argument.name.clone(), name.clone());
                continue;
            }
            match spec.user_input.as_ref().map(|input| &input.arg) {
                Some(Argument::Tensor(name)) => self.inputs.push(name.clone()),
                // A number of the call, which the export has treated as fixed.
                Some(_) => {}
                None if spec.constant_input.is_some() => {}
                None => {
                    let kind = if spec.token.is_some() { "an order of effects" } else { "an object of Python" };
                    return Err(Error::new(format!("input {at} of the program is {kind}, not a tensor")).with_help(
                        "export the network without objects that only Python has, such as torchbind classes",
                    ));
                }
            }
        }
        if let Some(written) = signature.output_specs.iter().find_map(|spec| spec.buffer_mutation.as_ref()) {
            return Err(written_buffer(&written.buffer_name));
        }
        for spec in &signature.output_specs {
            // Nothing, or a number, is no output of a network; inputs that are written are none, either.
            if let Some(Argument::Tensor(name)) = spec.user_output.as_ref().map(|output| &output.arg) {
                self.outputs.push(name.clone());
            }
        }
        if self.outputs.is_empty() {
            return Err(Error::new("the program returns no tensor").with_help("return the results of forward()"));
        }
        Ok(())
    }

    /// Reads the tensor of a parameter, buffer or constant.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let Some(stored) = self.tensors.get(name) else {
            return Err(Error::new(format!("tensor '{name}' is not in the archive")).with_help(AGAIN));
        };
        if stored.payload.use_pickle {
            return Err(Error::new(format!(
                "tensor '{name}' is a pickle of Python: a subclass of torch.Tensor, such as a \
                                           quantized one"
            ))
            .with_help("export the float model with plain tensors: espq determines the scales for ESP-DL"));
        }
        self.elements(stored).map_err(|e| e.about(&format!("tensor '{name}'")).with_help(AGAIN))
    }

    fn elements(&self, stored: &Stored) -> Result<Tensor> {
        let mut budget = self.budget.get();
        let tensor = match (&stored.plain, &stored.payload.tensor_meta) {
            (Some(plain), _) => tensors::claim(&mut budget, plain.shape.iter().product())
                .and_then(|()| Tensor::new(&plain.shape, tensors::floats(plain.part)?)),
            (None, Some(meta)) => {
                let storage = self.archive.entry(&format!("{}{}", stored.folder, stored.payload.path_name))?;
                tensors::tensor(meta, &storage.read()?, &mut budget)
            }
            (None, None) => bail!("its sizes are missing"),
        };
        self.budget.set(budget);
        tensor
    }

    /// Returns a float32 tensor that lies in the file as it is, alone in its storage; `None` for others, and for those that
    /// [`Program::tensor`] refuses.
    pub fn plain(&self, name: &str) -> Option<&'a Plain<'a>> {
        let plain = self.stored(name)?;
        self.claim(plain.shape.iter().product()).ok()?;
        Some(plain)
    }

    /// Returns the same without taking the elements from those that there may be.
    pub fn stored(&self, name: &str) -> Option<&'a Plain<'a>> {
        self.tensors.get(name)?.plain.as_ref()
    }

    /// Takes a number of elements from those that tensors and constants may have together.
    pub fn claim(&self, count: usize) -> Result<()> {
        match self.budget.get().checked_sub(count) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => bail!("makes a constant of {count} elements, far more than the file has"),
        }
    }

    /// Returns what tells tensors apart that share a storage: tied weights are equal in it.
    pub fn storage(&self, name: &str) -> Option<(&str, &str)> {
        self.tensors.get(name).map(|stored| (stored.folder, &*stored.payload.path_name))
    }

    /// Returns the names of the outputs, if the program returns a dictionary.
    pub fn keys(&self) -> Option<Vec<String>> {
        let root = self.module.module_call_graph.iter().find(|call| call.fqn.is_empty())?;
        let spec: serde_json::Value = serde_json::from_str(&root.signature.as_ref()?.out_spec).ok()?;
        let top = spec.get(1)?;
        let is_dictionary = matches!(top.get("type")?.as_str()?, "builtins.dict" | "collections.OrderedDict");
        let keys: Vec<String> = serde_json::from_str(top.get("context")?.as_str()?).ok()?;
        (is_dictionary && keys.len() == self.outputs.len()).then_some(keys)
    }
}

/// Returns the error of a program that keeps state.
pub fn written_buffer(name: &str) -> Error {
    Error::new(format!("the program writes buffer '{name}': it keeps state between calls, which ESP-DL does not"))
        .with_help(
            "give the state as an input and return the new one as an output; if it is the statistics of a \
                    BatchNorm, call model.eval() before the export",
        )
}

/// Returns the name of the entry with the program.
fn model<'b>(archive: &'b Archive) -> Result<&'b str> {
    let models: Vec<&str> = archive.below("models/").into_iter().filter(|name| name.ends_with(".json")).collect();
    match models.as_slice() {
        [one] => Ok(one),
        [] if !archive.below("data/aotinductor/").is_empty() => {
            Err(Error::new("the archive has a compiled program of AOTInductor, without its graph").with_help(SAVE))
        }
        [] => Err(Error::new("the archive has no program of torch.export").with_help(SAVE)),
        several => Err(Error::new(format!("the archive has {} programs", several.len()))
            .with_help("save the one that the chip runs, alone")),
    }
}

/// Reads a text to its place.
fn text<'a>(part: Part, place: &'a OnceLock<Bytes>) -> Result<&'a [u8]> {
    let read = part.read()?;
    Ok(place.get_or_init(|| read))
}

/// Reads the program, if its version of the schema is espq's.
fn module<'a>(json: &'a [u8], entry: &str) -> Result<Module<'a>> {
    match parse::<Exported>(json, entry) {
        Ok(exported) => {
            check_version(&exported.schema_version, &exported.torch_version)?;
            Ok(exported.graph_module)
        }
        Err(error) => {
            // Of another version, the form may be another.
            if let Ok(header) = parse::<Header>(json, entry) {
                check_version(&header.schema_version, &header.torch_version)?;
            }
            Err(error)
        }
    }
}

fn parse<'b, T: serde::Deserialize<'b>>(json: &'b [u8], entry: &str) -> Result<T> {
    let fault = |e: &dyn std::fmt::Display| Error::new(format!("entry '{entry}': {e}")).with_help(AGAIN);
    // Texts are checked all at once, since a check of each takes longer.
    let text = std::str::from_utf8(json).map_err(|e| fault(&e))?;
    serde_json::from_str(text).map_err(|e| fault(&e))
}

fn check_version(version: &schema::Version, writer: &str) -> Result<()> {
    let schema::Version { major, minor } = *version;
    if major == schema::MAJOR {
        return Ok(());
    }
    let writer = match writer {
        "" => String::new(),
        version => format!(", written by PyTorch {version}"),
    };
    let what = format!("the program has version {major}.{minor} of the schema{writer}, and espq reads version 8");
    let help = match major > schema::MAJOR {
        true => "update espq, or save the program with PyTorch 2.8 to 2.15",
        false => "save the program again with PyTorch 2.8 or later",
    };
    Err(Error::new(what).with_help(help))
}

/// Reads the lists of weights and constants.
pub fn tensors<'a>(archive: &Archive<'a>, texts: &'a Texts) -> Result<Tensors<'a>> {
    let name = model(archive)?.trim_start_matches("models/").trim_end_matches(".json");
    let mut tensors = Tensors::default();
    let lists = [
        ("data/constants/", format!("data/constants/{name}_constants_config.json")),
        ("data/weights/", format!("data/weights/{name}_weights_config.json")),
    ];
    for ((folder, entry), place) in lists.into_iter().zip(&texts.lists) {
        if archive.has(&entry) {
            let config: Config = parse(text(archive.entry(&entry)?, place)?, &entry)?;
            let stored = |payload| Stored { folder, payload, plain: None };
            tensors.extend(config.config.into_iter().map(|(name, payload)| (name, stored(payload))));
        }
    }
    let mut seen = HashSet::with_capacity(tensors.len());
    let mut shared: HashSet<(&str, Text)> = HashSet::new();
    for Stored { folder, payload, .. } in tensors.values() {
        if !seen.insert((*folder, &*payload.path_name)) {
            shared.insert((folder, payload.path_name.clone()));
        }
    }
    let mut path = String::new();
    for Stored { folder, payload, plain } in tensors.values_mut() {
        path.clear();
        path.extend([folder, &*payload.path_name]);
        let is_shared = || shared.contains(&(*folder, payload.path_name.clone()));
        if let (Some(meta), false, false) = (&payload.tensor_meta, payload.use_pickle, is_shared()) {
            *plain = archive.entry(&path).ok().and_then(|storage| tensors::plain(meta, storage));
        }
    }
    Ok(tensors)
}
