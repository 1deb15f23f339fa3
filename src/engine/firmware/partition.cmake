idf_component_register(SRCS app_main.cpp
                       REQUIRES esp-dl esp_timer)

# `idf.py flash` writes the model into its partition, too.
esptool_py_flash_to_partition(flash "model" "${COMPONENT_DIR}/model.espdl")
