//===- TrainTest.cpp - The loop, its files and its ends -------------------===//
#include "Run.h"

#include "asgc/safetensors.h"

#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace asgc;
using namespace asgc::test;

namespace {
/// The number after `"name":` in a line.
double field(const std::string &line, const std::string &name) {
  size_t at = line.find("\"" + name + "\":");
  REQUIRE(at != std::string::npos);
  return std::strtod(line.c_str() + at + name.size() + 3, nullptr);
}

std::string failure(const Recipe &recipe, LinearProgram &program,
                    uint32_t items = 100) {
  TempFolder folder;
  Run run = runTraining(folder / "run", false, recipe, program, nullptr, items);
  CHECK(run.result.end == TrainEnd::Failed);
  return run.result.fault ? run.result.fault->message : "";
}
} // namespace

TEST_SUITE("train") {
  TEST_CASE("the loss falls, and the files say how") {
    TempFolder folder;
    LinearProgram program;
    Run run = runTraining(folder / "run", false, cloudRecipe(), program);
    CHECK(run.result.end == TrainEnd::Completed);
    CHECK(run.result.exitStatus() == 0);
    std::vector<std::string> events = linesOf(folder, "run/events.jsonl");
    REQUIRE(events.size() == 60);
    CHECK(field(events[0], "step") == 1);
    CHECK(field(events[0], "epoch") == 1);
    CHECK(field(events[59], "epoch") == 6);
    CHECK(field(events[0], "lr") == doctest::Approx(0.5));
    CHECK(field(events[0], "loss") > 0.9);
    CHECK(run.summaries.size() == 12);
    CHECK(run.summaries.back().isEvaluation);
    CHECK(run.summaries.back().items == 25);
    CHECK(run.result.lastEvaluation->values[1].name == "accuracy");
    CHECK(run.result.lastEvaluation->values[1].value > 0.8);
    Recipe stored;
    CHECK(recipeFromJson(folder.read("run/recipe.json"), &stored) == "");
    CHECK(stored == cloudRecipe());
  }

  TEST_CASE("losses are written with every digit of f32") {
    TempFolder folder;
    LinearProgram program;
    std::vector<float> losses;
    program.afterStep = [&](int64_t, float &loss) -> MaybeFault {
      losses.push_back(loss);
      return std::nullopt;
    };
    runTraining(folder / "run", false, cloudRecipe(), program);
    std::vector<std::string> events = linesOf(folder, "run/events.jsonl");
    REQUIRE(events.size() == losses.size());
    for (size_t i = 0; i < losses.size(); ++i)
      CHECK(float(field(events[i], "loss")) == losses[i]);
  }

  TEST_CASE("averages weigh batches by their size") {
    TempFolder folder;
    LinearProgram program;
    std::vector<double> losses;
    program.afterStep = [&](int64_t, float &loss) -> MaybeFault {
      losses.push_back(double(loss));
      return std::nullopt;
    };
    Recipe recipe = cloudRecipe();
    recipe.epochs = 1;
    Run run = runTraining(folder / "run", false, recipe, program);
    // 75 items: nine batches of 8 and one of 3.
    REQUIRE(losses.size() == 10);
    double sum = 0;
    for (size_t i = 0; i < 10; ++i)
      sum += losses[i] * (i < 9 ? 8 : 3);
    CHECK(run.result.lastEpoch->items == 75);
    CHECK(run.result.lastEpoch->values[0].value == sum / 75);
  }

  TEST_CASE("weights are a safetensors file with the names of the parameters") {
    TempFolder folder;
    LinearProgram program;
    runTraining(folder / "run", false, cloudRecipe(), program);
    asgc_safetensors *file = nullptr;
    REQUIRE(asgc_safetensors_open((folder / "run/weights.safetensors").c_str(),
                                  &file) == ASGC_OK);
    CHECK(asgc_safetensors_count(file) == 2);
    asgc_safetensors_tensor tensor;
    REQUIRE(asgc_safetensors_find(file, "fc.weight", &tensor) == ASGC_OK);
    CHECK(tensor.rank == 2);
    CHECK(std::memcmp(tensor.data, program.weight, sizeof program.weight) == 0);
    CHECK(asgc_safetensors_find(file, "fc.bias", &tensor) == ASGC_OK);
    asgc_safetensors_close(file);
  }

  TEST_CASE("checkpoints rotate by number, and the best stays") {
    TempFolder folder;
    LinearProgram program;
    // Accuracy is best at the end of epoch 2, which is step 20.
    program.afterEvaluation = [](int64_t step, float &accuracy) {
      accuracy = step == 20 ? 0.9f : 0.5f;
    };
    Recipe recipe = cloudRecipe();
    recipe.epochs = 12;
    recipe.best = "accuracy";
    recipe.checkpoint = {0, 1, 2};
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(stepsOf(folder / "run") == std::vector<int64_t>{20, 110, 120});
    REQUIRE(run.result.best);
    CHECK(run.result.best->step == 20);
    CHECK(run.result.best->value == doctest::Approx(0.9));
    CHECK(run.result.best->checkpoint ==
          folder / "run/checkpoints/step-00000020.safetensors");
    Result<CheckpointInfo> info = verifyCheckpoint(run.result.best->checkpoint);
    REQUIRE(info);
    CHECK(info->step == 20);
    CHECK(info->epoch == 2);
    CHECK(info->model == "clouds");
  }

  TEST_CASE("patience stops a run that gets no better") {
    TempFolder folder;
    LinearProgram program;
    program.afterEvaluation = [](int64_t step, float &accuracy) {
      // Epochs of 10 steps: better until epoch 3, then only by a hair.
      accuracy = step <= 30 ? 0.1f * float(step) / 10 : 0.301f;
    };
    Recipe recipe = cloudRecipe();
    recipe.epochs = 50;
    recipe.stop = {"accuracy", 4, MetricMode::Auto, 0.01};
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(run.result.end == TrainEnd::StoppedEarly);
    CHECK(run.result.exitStatus() == 0);
    CHECK(run.result.step == 70);
    CHECK(run.result.best->step == 40);
    CHECK(!folder.read("run/weights.safetensors").empty());
    // A finished run is not gone on with, unless patience is raised.
    Run again = runTraining(folder / "run", true, recipe, program);
    CHECK(again.result.end == TrainEnd::StoppedEarly);
    CHECK(again.result.step == 70);
    recipe.stop.patience = 6;
    again = runTraining(folder / "run", true, recipe, program);
    CHECK(again.result.step == 90);
  }

  TEST_CASE("a metric that falls is watched downwards") {
    TempFolder folder;
    LinearProgram program;
    Recipe recipe = cloudRecipe();
    recipe.epochs = 100;
    recipe.stop = {"loss", 3, MetricMode::Auto, 0.05};
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(run.result.end == TrainEnd::StoppedEarly);
    CHECK(run.result.step < 1000);
    recipe.stop.mode = MetricMode::Max; // the wrong way: stops at once
    LinearProgram other;
    run = runTraining(folder / "other", false, recipe, other);
    CHECK(run.result.end == TrainEnd::StoppedEarly);
    CHECK(run.result.step < 100);
  }

  TEST_CASE("without a test part the averages of training are watched") {
    TempFolder folder;
    LinearProgram program;
    program.hasEval = false;
    Recipe recipe = cloudRecipe();
    recipe.epochs = 200;
    recipe.stop = {"loss", 3, MetricMode::Auto, 0.02};
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(run.result.end == TrainEnd::StoppedEarly);
    CHECK(!run.result.lastEvaluation);
  }

  TEST_CASE("a loss that is no number stops the run") {
    for (float bad : {std::numeric_limits<float>::quiet_NaN(),
                      std::numeric_limits<float>::infinity()}) {
      TempFolder folder;
      LinearProgram program;
      program.afterStep = [&](int64_t step, float &loss) -> MaybeFault {
        if (step == 27)
          loss = bad;
        return std::nullopt;
      };
      Recipe recipe = cloudRecipe();
      recipe.checkpoint = {9, 0, 3};
      recipe.evalEveryEpochs = 100;
      Run run = runTraining(folder / "run", false, recipe, program);
      CHECK(run.result.end == TrainEnd::Diverged);
      CHECK(run.result.exitStatus() == 1);
      REQUIRE(run.result.fault);
      CHECK(run.result.fault->message ==
            std::string("the loss is ") + (std::isnan(bad) ? "nan" : "inf") +
                " at step 27; nothing of that step was saved, the last good "
                "checkpoint is " +
                (folder / "run/checkpoints/step-00000018.safetensors"));
      CHECK(stepsOf(folder / "run") == std::vector<int64_t>{9, 18});
      CHECK(linesOf(folder, "run/events.jsonl")
                .back()
                .find(std::isnan(bad)
                          ? "\"loss\":\"nan\""
                          : "\"loss\":\"inf\"") != std::string::npos);
      CHECK(folder.read("run/weights.safetensors").empty());
    }
  }

  TEST_CASE("a variable that is no number is not saved") {
    TempFolder folder;
    LinearProgram program;
    program.afterStep = [&](int64_t step, float &) -> MaybeFault {
      if (step == 18)
        program.velocity[1][1] = std::numeric_limits<float>::infinity();
      return std::nullopt;
    };
    Recipe recipe = cloudRecipe();
    recipe.checkpoint = {9, 0, 3};
    recipe.evalEveryEpochs = 100;
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(run.result.end == TrainEnd::Diverged);
    CHECK(run.result.fault->message.starts_with(
        "'sgd.velocity' is not finite at step 18; nothing of that step was "
        "saved, the last good checkpoint is "));
    CHECK(stepsOf(folder / "run") == std::vector<int64_t>{9});
  }

  TEST_CASE("a run may go on over a loss that is no number") {
    TempFolder folder;
    LinearProgram program;
    program.afterStep = [](int64_t step, float &loss) -> MaybeFault {
      if (step == 5)
        loss = std::numeric_limits<float>::quiet_NaN();
      return std::nullopt;
    };
    Recipe recipe = cloudRecipe();
    recipe.nonFinite = NonFinitePolicy::Continue;
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(run.result.end == TrainEnd::Completed);
    CHECK(linesOf(folder, "run/events.jsonl").size() == 60);
  }

  TEST_CASE("steps instead of epochs") {
    TempFolder folder;
    LinearProgram program;
    Recipe recipe = cloudRecipe();
    recipe.steps = 17;
    Run run = runTraining(folder / "run", false, recipe, program);
    CHECK(run.result.end == TrainEnd::Completed);
    CHECK(run.result.step == 17);
    CHECK(run.result.lastEvaluation->step == 17);
    CHECK(totalSteps(recipe, 75) == 17);
    recipe.steps = 0;
    CHECK(totalSteps(recipe, 75) == 60);
    recipe.dropLast = true;
    CHECK(totalSteps(recipe, 75) == 54);
  }

  TEST_CASE("a folder that holds a run is not touched") {
    TempFolder folder;
    LinearProgram program;
    runTraining(folder / "run", false, cloudRecipe(), program);
    std::string events = folder.read("run/events.jsonl");
    Run run = runTraining(folder / "run", false, cloudRecipe(), program);
    CHECK(run.result.end == TrainEnd::Failed);
    CHECK(run.result.exitStatus() == 1);
    CHECK(run.result.fault->message ==
          folder / "run: there is a run in this folder; resume it, or choose "
                   "another folder");
    CHECK(folder.read("run/events.jsonl") == events);
  }

  TEST_CASE("two processes cannot train in one folder") {
    TempFolder folder;
    LinearProgram program, other;
    std::string message;
    program.afterStep = [&](int64_t step, float &) -> MaybeFault {
      // flock() is of the open file, so the same process stands for another.
      if (step == 2)
        message = runTraining(folder / "run", true, cloudRecipe(), other)
                      .result.fault->message;
      return std::nullopt;
    };
    Run run = runTraining(folder / "run", false, cloudRecipe(), program);
    CHECK(run.result.end == TrainEnd::Completed);
    CHECK(message ==
          folder / "run: another process is training in this folder");
  }

  TEST_CASE("a folder that cannot be made is the environment's fault") {
    LinearProgram program;
    Run run = runTraining("/proc/nothing/run", false, cloudRecipe(), program);
    CHECK(run.result.end == TrainEnd::Failed);
    CHECK(run.result.exitStatus() == 4);
    CHECK(run.result.fault->message.starts_with(
        "cannot create '/proc/nothing/run/checkpoints': "));
  }

  TEST_CASE("a full disk stops the run and keeps what there was") {
    // A limit on the size of files fails writes as a full disk does.
    for (rlim_t limit : {1500, 3000, 5000}) {
      CAPTURE(limit);
      TempFolder folder;
      Recipe recipe = cloudRecipe();
      recipe.epochs = 20;
      recipe.checkpoint = {5, 0, 0};
      LinearProgram first;
      first.afterStep = [](int64_t step, float &) -> MaybeFault {
        if (step == 7)
          return Fault{FaultKind::Internal, "crash"};
        return std::nullopt;
      };
      runTraining(folder / "run", false, recipe, first);
      std::string name = "run/checkpoints/step-00000005.safetensors";
      std::string before = folder.read(name);
      REQUIRE(!before.empty());
      pid_t child = fork();
      if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit full{limit, limit};
        setrlimit(RLIMIT_FSIZE, &full);
        LinearProgram program;
        Run run = runTraining(folder / "run", true, recipe, program);
        bool isClear = run.result.fault &&
                       run.result.fault->message.find("File too large") !=
                           std::string::npos &&
                       run.result.fault->message.find(
                           "the last good checkpoint is ") != std::string::npos;
        _exit(isClear ? run.result.exitStatus() : 99);
      }
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      CHECK(WEXITSTATUS(status) == 4);
      CHECK(folder.read(name) == before);
      // With room again the run goes on to the same end.
      LinearProgram last, whole;
      Run run = runTraining(folder / "run", true, recipe, last);
      CHECK(run.result.end == TrainEnd::Completed);
      runTraining(folder / "whole", false, recipe, whole);
      CHECK(linesOf(folder, "run/events.jsonl") ==
            linesOf(folder, "whole/events.jsonl"));
      CHECK(folder.read("run/weights.safetensors") ==
            folder.read("whole/weights.safetensors"));
    }
  }

  TEST_CASE(
      "what does not fit the program is said before anything is written") {
    LinearProgram program;
    Recipe recipe = cloudRecipe();
    recipe.loss = "nll";
    CHECK(failure(recipe, program) ==
          "loss 'nll': expected an output of train_step that is one number, "
          "found loss, accuracy, lr");
    recipe = cloudRecipe();
    recipe.metrics = {"f1"};
    CHECK(failure(recipe, program) ==
          "metric 'f1': expected an output of eval_step that is one number, "
          "found loss, accuracy");
    recipe = cloudRecipe();
    recipe.stop = {"f1", 3, MetricMode::Auto, 0};
    CHECK(failure(recipe, program) ==
          "stop 'f1': expected an output of eval_step that is one number, "
          "found loss, accuracy");
    recipe = cloudRecipe();
    recipe.batch = 65;
    CHECK(failure(recipe, program) ==
          "input 'image' of train_step: expected f32[<= 64, 2], found a recipe "
          "with batch = 65");
    recipe = cloudRecipe();
    recipe.batch = 0;
    CHECK(failure(recipe, program) ==
          "batch must be from 1 to 2147483648, got 0");
    recipe = cloudRecipe();
    recipe.inputs = {{"label", "next"}};
    CHECK(failure(recipe, program) ==
          "input 'label' of train_step: expected the column 'next', found "
          "features, label in clouds");
    recipe = cloudRecipe();
    recipe.inputs = {{"image", "label"}};
    CHECK(failure(recipe, program) ==
          "input 'image' of train_step: expected f32[<= 64, 2], found items of "
          "shape [] in column 'label' of clouds");
    LinearProgram masked;
    masked.trainPorts.inputs.push_back({"mask", ASGC_F32, {{-1, 64}}});
    CHECK(failure(cloudRecipe(), masked) ==
          "input 'mask' of train_step: expected a column of the data, found "
          "features, label in clouds");
    LinearProgram fixed(0, 8);
    CHECK(failure(cloudRecipe(), fixed) ==
          "the model takes batches of 8 only, but 75 items leave a last one of "
          "3; make the batch a run-time dim, or set drop_last");
    CHECK(failure(cloudRecipe(), program, 0).find("clouds") !=
          std::string::npos);
  }

  TEST_CASE("a fixed batch drops what does not fill one") {
    TempFolder folder;
    LinearProgram fixed(0, 8);
    Recipe recipe = cloudRecipe();
    recipe.dropLast = true;
    Run run = runTraining(folder / "run", false, recipe, fixed);
    CHECK(run.result.step == 54);
    CHECK(run.result.lastEvaluation->items == 24);
    CHECK(run.said("evaluations leave out the last 1 items"));
  }

  TEST_CASE("targets, first inputs and the total of steps bind by name") {
    TempFolder folder;
    LinearProgram program;
    for (EntryPorts *ports : {&program.trainPorts, &program.evalPorts})
      ports->inputs[1].name = "target";
    program.trainPorts.inputs.push_back({"total_steps", ASGC_I64, {}});
    Run run = runTraining(folder / "run", false, cloudRecipe(), program);
    CHECK(run.result.end == TrainEnd::Completed);
  }

  TEST_CASE("labels beyond the classes of the model are pointed out") {
    TempFolder folder;
    LinearProgram program;
    program.inferPorts.outputs[0].shape[1] = {2, 2};
    Run run = runTraining(folder / "run", false, cloudRecipe(), program);
    CHECK(run.said("clouds: item 2 has the label 2, but the model's output "
                   "'logits' has 2 classes (0 to 1)"));
  }
}

TEST_SUITE("interrupts") {
  TEST_CASE("the first signal is a flag, the second ends the process") {
    for (int signal : {SIGINT, SIGTERM}) {
      pid_t child = fork();
      if (child == 0) {
        InterruptGuard guard;
        if (*guard.flag() != 0)
          _exit(1);
        raise(signal);
        if (*guard.flag() != signal)
          _exit(2);
        raise(SIGINT);
        _exit(3);
      }
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      CHECK(WIFSIGNALED(status));
      CHECK(WTERMSIG(status) == SIGINT);
    }
  }
}

TEST_SUITE("progress") {
  TEST_CASE("one line that fits the terminal") {
    Progress progress{57, 460, 3, 20, 0.41234, 81.25, 4.96};
    CHECK(progressBar(progress, 100) ==
          "epoch 3/20  step 57/460 [====>                                   ] "
          "loss 0.4123  81.2 it/s  ETA 0:05");
    CHECK(progressBar(progress, 50).size() == 49);
    CHECK(progressBar(progress, 0) == "");
    CHECK(progressLine(progress) == "step 57/460  loss 0.41234  81.2 it/s");
    progress = {460, 460, 1, 0, 1, 1234, 7325};
    CHECK(progressBar(progress, 80) ==
          "step 460/460 [=================================] loss 1  1234 it/s  "
          "ETA "
          "2:02:05");
  }

  TEST_CASE("summaries") {
    CHECK(summaryLine({20, 2, 75, false, {{"loss", 0.5}, {"accuracy", 0.9}}}) ==
          "epoch 2  train: loss 0.5 accuracy 0.9");
    CHECK(summaryLine({20, 2, 25, true, {{"loss", 0.5}}}) ==
          "epoch 2  test:  loss 0.5");
  }
}
