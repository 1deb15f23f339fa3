//! Calibration: what is observed, in which pass, and what cannot be.

use super::*;

#[test]
fn an_activation_that_is_not_finite_names_its_layer() {
    let graph = Net::new(&[1, 1, 1, 1])
        .constant("w", &[1, 1, 1, 1], &[3e38])
        .node("Conv", "first", &["x", "w"], ("a", &[1, 1, 1, 1]))
        .node("Conv", "second", &["a", "w"], ("y", &[1, 1, 1, 1]))
        .0;
    let samples = Counting(samples(&[1, 1, 1, 1]), 0.into());
    let plan = plan(&graph, &settings(Scheme::Int8)).unwrap();
    let error = calibrate(plan, &samples, &mut Observations::default(), &|| Ok(())).unwrap_err();
    assert_eq!(error.layer(), Some("second"));
}

#[test]
fn an_all_zero_activation_has_the_smallest_scale() {
    let graph = Net::new(&[1, 1, 1, 1])
        .constant("w", &[1, 1, 1, 1], &[0.0])
        .node("Conv", "conv", &["x", "w"], ("y", &[1, 1, 1, 1]))
        .0;
    let output = |method| {
        let settings = Settings { method: Some(method), ..settings(Scheme::Int8) };
        exponents(&quantize(&graph, &settings), "conv").1[0][0]
    };
    assert_eq!([Method::Kl, Method::MinMax, Method::Percentile, Method::Mse].map(output), [-27, -26, -26, -26]);
    let notes = sentences(&quantize(&graph, &settings(Scheme::Int8)).plan().notes);
    assert!(notes.iter().any(|note| note.starts_with("conv: its output 'y' is zero")), "{notes:?}");
}

#[test]
fn no_samples_is_an_error() {
    let samples = Counting(Vec::new(), 0.into());
    let plan = plan(&conv_relu_pool_conv(), &settings(Scheme::Int8)).unwrap();
    assert!(calibrate(plan, &samples, &mut Observations::default(), &|| Ok(())).is_err());
}

#[test]
fn known_ports_are_not_observed_again() {
    let graph = conv_relu_pool_conv();
    let mut settings = Settings { method: None, ..settings(Scheme::Int8) };
    let mut known = Observations::default();
    let mut asked = |settings: &Settings| {
        let samples = Counting(samples(&[1, 2, 4, 4]), 0.into());
        let quantized = calibrate(plan(&graph, settings).unwrap(), &samples, &mut known, &|| Ok(())).unwrap();
        (samples.1.into_inner(), exponents(&quantized, "conv2"))
    };
    let first = asked(&settings);
    assert_eq!(first.0, 4);
    assert_eq!(asked(&settings), (0, first.1.clone()));
    settings.layer_schemes.insert("conv2".into(), Scheme::Int16);
    assert_eq!(asked(&settings).0, 4);
    settings.layer_schemes.clear();
    assert_eq!(asked(&settings), (0, first.1));
}

#[test]
fn a_calibration_resumes_before_the_layers_that_have_changed() {
    let graph = conv_relu_pool_conv();
    let (mut known, mut frontiers) = (Observations::default(), Frontiers::new(1 << 20));
    let mut settings = Settings { method: Some(Method::Kl), ..settings(Scheme::Int8) };
    let mut asked = |settings: &Settings, frontiers: &mut Frontiers, keep: Keep| {
        let (samples, plan) = (Counting(samples(&[1, 2, 4, 4]), 0.into()), plan(&graph, settings).unwrap());
        let mut known_before = known.clone();
        let quantized = resume(plan, &samples, &mut known_before, frontiers, keep, &|| Ok(())).unwrap();
        if keep == Keep::LastPass {
            known = known_before;
        }
        (samples.1.into_inner(), quantized.plan().configs.clone())
    };
    assert_eq!(asked(&settings, &mut frontiers, Keep::LastPass).0, 4);
    settings.layer_schemes.insert("conv2".into(), Scheme::Int16);
    let (reads, resumed) = asked(&settings, &mut frontiers, Keep::Nothing);
    let (all, alone) = asked(&settings, &mut Frontiers::new(0), Keep::Nothing);
    assert_eq!((reads, all), (0, 4));
    assert_eq!(resumed, alone);
    // The first layer comes before every frontier.
    settings.layer_schemes = [("conv1".to_string(), Scheme::Int16)].into();
    assert_eq!(asked(&settings, &mut frontiers, Keep::Nothing).0, 4);
}

#[test]
fn a_calibration_stops_only_where_there_is_memory() {
    let graph = conv_relu_pool_conv();
    let settings = Settings { method: Some(Method::Kl), ..settings(Scheme::Int8) };
    let kept = |budget: usize| {
        let mut frontiers = Frontiers::new(budget);
        let plan = plan(&graph, &settings).unwrap();
        let samples = Counting(samples(&[1, 2, 4, 4]), 0.into());
        resume(plan, &samples, &mut Observations::default(), &mut frontiers, Keep::LastPass, &|| Ok(())).unwrap();
        frontiers.bytes()
    };
    let all = kept(1 << 20);
    assert!(all > 0);
    assert_eq!(kept(all), all);
    assert!(kept(all - 1) < all);
    assert_eq!(kept(1), 0);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let graph = conv_relu_pool_conv();
    let settings = Settings { method: Some(Method::Percentile), ..settings(Scheme::Int8) };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| quantize(&graph, &settings).plan().configs.clone())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn ports_of_the_first_pass_are_quantized_in_the_second() {
    let graph = conv_relu_pool_conv();
    let mut settings = Settings { method: Some(Method::Kl), ..settings(Scheme::Int8) };
    settings.layer_methods.insert("conv1".into(), Method::MinMax);
    let plan = plan(&graph, &settings).unwrap();
    let input = plan.observed()[0];
    assert_eq!((input.method, plan.observed()[1].method), (Method::MinMax, Method::Kl));
    let quantized = quantize(&graph, &settings);
    assert!(quantized.plan().simulation().unwrap()[0].as_ref().unwrap().inputs[0].is_some());
}
