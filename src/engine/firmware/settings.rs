//! Settings of ESP-IDF, as ESP-DL's examples have them, with those of the board.

use crate::chip::{Family, Target};
use crate::cost::Board;

/// Returns `sdkconfig.defaults` for a chip whose flash has this many megabytes.
pub fn of(target: Target, board: &Board, flash: usize) -> String {
    let mut lines = vec![
        format!("CONFIG_IDF_TARGET=\"{target}\""),
        format!("CONFIG_ESPTOOLPY_FLASHSIZE_{flash}MB=y"),
        "CONFIG_PARTITION_TABLE_CUSTOM=y".to_string(),
        "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"partitions.csv\"".to_string(),
        "CONFIG_PARTITION_TABLE_OFFSET=0x9000".to_string(),
        "CONFIG_COMPILER_OPTIMIZATION_PERF=y".to_string(),
        // A run may take longer than the watchdog of the idle task waits.
        "CONFIG_ESP_TASK_WDT_EN=n".to_string(),
    ];
    match (target, target.family()) {
        (_, Family::S3) => lines.extend(s3(board)),
        (Target::Esp32p4, _) => lines.extend(p4(board)),
        _ if board.has_psram() => lines.push("# Without PSRAM, remove this line.\nCONFIG_SPIRAM=y".to_string()),
        _ => {}
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn p4(board: &Board) -> Vec<String> {
    let mut lines = vec![
        "CONFIG_ESPTOOLPY_FLASHMODE_QIO=y".to_string(),
        format!("CONFIG_CACHE_L2_CACHE_{}KB=y", board.cache_bytes >> 10),
        format!("CONFIG_CACHE_L2_CACHE_LINE_{}B=y", board.cache_line),
        format!("CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_{}=y", board.clock_mhz),
    ];
    if board.has_psram() {
        // 200 MHz are experimental: without that setting, PSRAM runs at 20 MHz.
        lines.push("CONFIG_IDF_EXPERIMENTAL_FEATURES=y".to_string());
        lines.push("CONFIG_SPIRAM=y".to_string());
        lines.push(format!("CONFIG_SPIRAM_SPEED_{}M=y", board.psram_mhz));
    }
    lines
}

fn s3(board: &Board) -> Vec<String> {
    let mut lines = vec![
        "CONFIG_ESPTOOLPY_FLASHMODE_QIO=y".to_string(),
        format!("CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_{}=y", board.clock_mhz),
        "CONFIG_ESP32S3_INSTRUCTION_CACHE_32KB=y".to_string(),
        format!("CONFIG_ESP32S3_DATA_CACHE_{}KB=y", board.cache_bytes >> 10),
        format!("CONFIG_ESP32S3_DATA_CACHE_LINE_{}B=y", board.cache_line),
    ];
    if board.has_psram() {
        lines.push("CONFIG_SPIRAM=y".to_string());
        lines.push("CONFIG_SPIRAM_MODE_OCT=y".to_string());
        lines.push(format!("CONFIG_SPIRAM_SPEED_{}M=y", board.psram_mhz));
    }
    lines
}
