//! ESP-IDF project that loads an exported file on its chip, tests it and measures it.
//!
//! Files follow ESP-DL's example `how_to_load_test_profile_model`. Never: building or flashing.

mod settings;

use std::path::{Path, PathBuf};

use crate::chip::{Storage, Target};
use crate::cost::Board;
use crate::project::Project;
use crate::{Error, Result, file};

use super::Exported;

/// Files of an ESP-IDF project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firmware {
    /// Contents by path within the project's folder.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Commands that build the project, flash it and read what it prints, to be run in its folder.
    pub commands: Vec<String>,
}

/// Flash of the app: ESP-DL takes less than a megabyte.
const APP_BYTES: usize = 3000 << 10;
/// Unit in which flash is mapped.
const PAGE: usize = 64 << 10;

impl Exported {
    /// Returns a project for the file. Fails for targets that are no chip, and for files on an SD card.
    pub fn firmware(&self, project: &Project) -> Result<Firmware> {
        if self.target == Target::C {
            return Err(Error::new("`c` is no chip, and has no ESP-IDF project")
                .at_key("model.target")
                .with_help("set the target to a chip"));
        }
        let Some(board) = super::board(project) else {
            return Err(Error::new("the target chip is not configured").at_key("model.target"));
        };
        if board.storage == Storage::Sdcard {
            return Err(Error::new(
                "a project is written for a file in flash only, since SD cards need the board's pins",
            )
            .at_key("board.storage")
            .with_help("set storage = \"partition\" or \"rodata\""));
        }
        if self.key.is_some() {
            return Err(Error::new("the program of a project has no key for an encrypted file")
                .with_help("export without --encrypt"));
        }
        let target = self.target.name();
        let text_file = |name: &str, text: String| (PathBuf::from(name), text.into_bytes());
        let files = vec![
            text_file("CMakeLists.txt", include_str!("CMakeLists.txt").to_string()),
            text_file("partitions.csv", self.partitions(&board)),
            text_file(&format!("sdkconfig.defaults.{target}"), settings::of(self.target, &board, self.flash(&board))),
            text_file("main/CMakeLists.txt", component(board.storage).to_string()),
            text_file(
                "main/idf_component.yml",
                include_str!("idf_component.yml").replace("{release}", &self.runtime.to_string()),
            ),
            text_file("main/app_main.cpp", program(&board)),
            (PathBuf::from("main/model.espdl"), self.espdl.clone()),
        ];
        let commands = vec![
            format!("idf.py set-target {target}"),
            "idf.py build".to_string(),
            "idf.py flash monitor | tee board.log".to_string(),
        ];
        Ok(Firmware { files, commands })
    }

    /// Bytes of the app and, in a partition of its own, of the model.
    fn parts(&self, board: &Board) -> (usize, Option<usize>) {
        let model = self.espdl.len().next_multiple_of(PAGE);
        match board.storage {
            Storage::Partition => (APP_BYTES, Some(model)),
            Storage::Rodata | Storage::Sdcard => ((APP_BYTES + model).next_multiple_of(PAGE), None),
        }
    }

    fn partitions(&self, board: &Board) -> String {
        let (app, model) = self.parts(board);
        let model = model.map(|bytes| format!("model,   data,  spiffs,   ,          {}K,\n", bytes >> 10));
        format!(
            "# Name,   Type, SubType, Offset,  Size, Flags\nfactory,  app,  factory,  0x010000,  {}K,\n{}",
            app >> 10,
            model.unwrap_or_default()
        )
    }

    /// Smallest size of a flash chip in MB that holds both.
    fn flash(&self, board: &Board) -> usize {
        let (app, model) = self.parts(board);
        let bytes = PAGE + app + model.unwrap_or(0);
        [4, 8, 16, 32, 64].into_iter().find(|megabytes| megabytes << 20 >= bytes).unwrap_or(128)
    }
}

impl Firmware {
    /// Writes the files into a folder that is new or empty. Returns their paths.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let failed = |e: std::io::Error| Error::new(format!("the project cannot be written: {e}")).in_file(folder);
        if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::new("the folder is not empty")
                .in_file(folder)
                .with_help("name another folder: files of a project of yours would be overwritten"));
        }
        let mut written = Vec::new();
        for (path, contents) in &self.files {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(folder);
            let done = std::fs::create_dir_all(parent).map_err(failed).and_then(|()| file::write(&path, contents));
            if let Err(error) = done {
                // Of a project that is not complete, nothing stays: the folder was empty.
                for path in written.iter().chain([&path]) {
                    let _ = std::fs::remove_file(path);
                    let _ = path.parent().filter(|parent| *parent != folder).map(std::fs::remove_dir);
                }
                return Err(error);
            }
            written.push(path);
        }
        Ok(written)
    }
}

fn component(storage: Storage) -> &'static str {
    match storage {
        Storage::Rodata => include_str!("rodata.cmake"),
        Storage::Partition | Storage::Sdcard => include_str!("partition.cmake"),
    }
}

fn program(board: &Board) -> String {
    let (declaration, place, location) = match board.storage {
        Storage::Rodata => (
            "extern const uint8_t model_espdl[] asm(\"_binary_model_espdl_start\");\n\n",
            "(const char *)model_espdl",
            "RODATA",
        ),
        Storage::Partition | Storage::Sdcard => ("", "\"model\"", "PARTITION"),
    };
    let mode = if board.cores > 1 { "MULTI_CORE" } else { "SINGLE_CORE" };
    include_str!("app_main.cpp")
        .replace("{declaration}", declaration)
        .replace("{place}", place)
        .replace("{location}", location)
        .replace("{internal}", &board.internal_bytes.to_string())
        .replace("{copy}", &board.param_copy.to_string())
        .replace("{mode}", mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Runtime;

    fn exported(target: Target, bytes: usize) -> Exported {
        Exported {
            target,
            runtime: Runtime::KNOWN,
            espdl: vec![0; bytes],
            info: String::new(),
            quantization: String::new(),
            key: None,
            incompatibilities: Vec::new(),
            untested: None,
            over_limit: Vec::new(),
            differences: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn firmware(target: Target, bytes: usize, lines: &str) -> Result<Firmware> {
        let text = format!("[model]\npath = 'm.onnx'\ntarget = '{target}'\n{lines}");
        exported(target, bytes).firmware(&Project::parse("espq.toml", text))
    }

    fn text(firmware: &Firmware, name: &str) -> String {
        let found = firmware.files.iter().find(|(path, _)| path == Path::new(name));
        String::from_utf8(found.unwrap().1.clone()).unwrap()
    }

    #[test]
    fn the_partition_is_sized_to_the_model_and_the_flash_to_both() {
        let small = firmware(Target::Esp32p4, 100_000, "").unwrap();
        assert!(text(&small, "partitions.csv").contains("model,   data,  spiffs,   ,          128K,"));
        assert!(text(&small, "sdkconfig.defaults.esp32p4").contains("CONFIG_ESPTOOLPY_FLASHSIZE_4MB=y"));
        let large = firmware(Target::Esp32s3, 6 << 20, "[board]\nstorage = 'rodata'\n").unwrap();
        assert!(!text(&large, "partitions.csv").contains("model,"));
        assert!(text(&large, "sdkconfig.defaults.esp32s3").contains("CONFIG_ESPTOOLPY_FLASHSIZE_16MB=y"));
    }

    #[test]
    fn the_program_has_the_settings_of_the_board() {
        let lines = "[board]\nparam-copy = false\ninternal = '64 KB'\ncores = 2\n";
        let program = text(&firmware(Target::Esp32p4, 1000, lines).unwrap(), "main/app_main.cpp");
        let call = "dl::Model(\"model\", fbs::MODEL_LOCATION_IN_FLASH_PARTITION, 65536, dl::MEMORY_MANAGER_GREEDY, nullptr, false)";
        assert!(program.contains(call) && program.contains("RUNTIME_MODE_MULTI_CORE"), "{program}");
        assert!(!program.contains('{') || !program.contains("{place}"), "{program}");
    }

    #[test]
    fn settings_of_the_board_become_those_of_esp_idf() {
        let lines = "[board]\ncache = '32 KB'\ncache-line = 32\npsram = 40\nclock = 160\n";
        let config = text(&firmware(Target::Esp32s3, 1000, lines).unwrap(), "sdkconfig.defaults.esp32s3");
        for line in ["DATA_CACHE_32KB", "DATA_CACHE_LINE_32B", "SPIRAM_SPEED_40M", "CPU_FREQ_MHZ_160"] {
            assert!(config.contains(line), "{line}: {config}");
        }
        let without =
            text(&firmware(Target::Esp32p4, 1000, "[board]\npsram = 0\n").unwrap(), "sdkconfig.defaults.esp32p4");
        assert!(!without.contains("CONFIG_SPIRAM=y"), "{without}");
    }

    #[test]
    fn no_project_is_made_for_what_it_cannot_run() {
        assert!(firmware(Target::C, 1000, "").unwrap_err().what().contains("`c` is no chip"));
        assert!(firmware(Target::Esp32p4, 1000, "[board]\nstorage = 'sdcard'\n").is_err());
    }
}
