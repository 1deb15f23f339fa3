// Loads the model, compares its outputs with those in the file, and measures time and memory.
// `espq profile board.log` reads what this prints.
#include "dl_model_base.hpp"
#include "esp_timer.h"
#include <cstdio>

{declaration}extern "C" void app_main(void)
{
    dl::Model *model =
        new dl::Model({place}, fbs::MODEL_LOCATION_IN_FLASH_{location}, {internal}, dl::MEMORY_MANAGER_GREEDY, nullptr, {copy});

    esp_err_t test = model->test();
    printf("espq: test %s\n", test == ESP_OK ? "passed" : "failed");

    for (int i = 0; i < 3; i++) {
        int64_t start = esp_timer_get_time();
        model->run(dl::RUNTIME_MODE_{mode});
        printf("espq: run %lld us\n", (long long)(esp_timer_get_time() - start));
    }

    // Memory, and the time of each layer on one core.
    model->profile();
    delete model;
}
