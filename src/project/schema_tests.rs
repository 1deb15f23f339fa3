use super::*;

#[test]
fn names_lead_to_keys_and_tables() {
    assert_eq!(find("model.path").map(|key| key.name), Some("path"));
    assert_eq!(find("calibration.image").map(|key| key.name), Some("image"));
    assert!(find("calibration.image.path").is_none());
    assert!(find("").is_none());
    assert!(keys("precision").is_none() && is_of_layers("precision") && is_of_layers("calibration.methods"));
    assert_eq!(keys("").map(<[Key]>::len), Some(Config::KEYS.len()));
}

#[test]
fn words_of_a_key_and_of_a_layer() {
    let texts = |table, key| choices(table, key).into_iter().map(|choice| choice.text).collect::<Vec<_>>().join(" ");
    assert_eq!(texts("precision", "/a/Conv"), "\"int8\" \"int16\" \"w8a16\" \"float\"");
    assert_eq!(texts("export", "test-values"), "true false");
    assert_eq!(texts("model", "path"), "");
}

#[test]
fn every_table_is_listed_with_its_dotted_name() {
    let names: Vec<String> = tables().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names.join(" "),
        "model calibration calibration.image calibration.methods analysis accuracy limits limits.layers board lint optimize export precision"
    );
}
