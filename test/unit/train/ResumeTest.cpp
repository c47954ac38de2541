//===- ResumeTest.cpp - Interrupted runs end as if nothing had happened ---===//
#include "Run.h"

#include <doctest/doctest.h>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace asgc;
using namespace asgc::test;

namespace {
/// What an undisturbed run leaves.
struct Truth {
  std::vector<std::string> events, epochs;
  std::string weights;
};

Truth left(const TempFolder &folder, const std::string &run) {
  return {linesOf(folder, run + "/events.jsonl"),
          linesOf(folder, run + "/epochs.jsonl"),
          folder.read(run + "/weights.safetensors")};
}

void checkSame(const Truth &found, const Truth &truth) {
  CHECK(found.events == truth.events);
  CHECK(found.epochs == truth.epochs);
  CHECK(!truth.weights.empty());
  CHECK(found.weights == truth.weights);
}

Truth undisturbed(const TempFolder &folder, const Recipe &recipe) {
  LinearProgram program;
  Run run = runTraining(folder / "truth", false, recipe, program);
  REQUIRE(run.result.end == TrainEnd::Completed);
  return left(folder, "truth");
}
} // namespace

TEST_SUITE("resume") {
  TEST_CASE("after an interruption at any step") {
    TempFolder folder;
    Recipe recipe = cloudRecipe();
    recipe.evalEverySteps = 7; // evaluations in the middle of epochs, too
    Truth truth = undisturbed(folder, recipe);
    // 75 items in batches of 8: 10 steps an epoch, 60 in all.
    REQUIRE(truth.events.size() == 60);
    for (int64_t at = 0; at <= 60; at += 1 + at % 4) {
      CAPTURE(at);
      TempFolder other;
      volatile std::sig_atomic_t flag = at == 0;
      LinearProgram first;
      first.afterStep = [&](int64_t step, float &) -> MaybeFault {
        flag = step == at;
        return std::nullopt;
      };
      Run run = runTraining(other / "run", false, recipe, first, &flag);
      // An interruption of the very last step comes too late to matter.
      CHECK(run.result.end ==
            (at == 60 ? TrainEnd::Completed : TrainEnd::Interrupted));
      CHECK(run.result.exitStatus() == (at == 60 ? 0 : 130));
      CHECK(run.said("resume with: resume-me") == (at != 60));
      CHECK(run.said("saved checkpoint step " + std::to_string(at)) ==
            (at != 0));
      CHECK(linesOf(other, "run/events.jsonl").size() == size_t(at));
      LinearProgram second; // nothing survives in memory
      run = runTraining(other / "run", true, recipe, second);
      CHECK(run.result.end == TrainEnd::Completed);
      CHECK(run.result.step == 60);
      checkSame(left(other, "run"), truth);
    }
  }

  TEST_CASE("after a crash that saved nothing, from the last checkpoint") {
    TempFolder folder;
    Recipe recipe = cloudRecipe();
    recipe.checkpoint = {7, 0, 2};
    Truth truth = undisturbed(folder, recipe);
    TempFolder other;
    // Five crashes, each from what the one before it left.
    for (int64_t at : {3, 9, 23, 24, 58}) {
      LinearProgram program;
      program.afterStep = [&](int64_t step, float &) -> MaybeFault {
        if (step == at)
          return Fault{FaultKind::Internal, "crash"};
        return std::nullopt;
      };
      Run run = runTraining(other / "run", at != 3, recipe, program);
      CHECK(run.result.end == TrainEnd::Failed);
      CHECK(run.result.exitStatus() == 70);
      CHECK(linesOf(other, "run/events.jsonl").size() == size_t(at - 1));
      if (at == 3)
        CHECK(run.result.fault->message ==
              "crash; the run stops after step 2, no checkpoint had been "
              "saved");
      if (at == 9)
        CHECK(run.said("no checkpoint yet, starting at the beginning"));
      if (at == 23)
        CHECK(run.said("resumed at step 7"));
    }
    LinearProgram program;
    Run run = runTraining(other / "run", true, recipe, program);
    CHECK(run.said("resumed at step 56"));
    checkSame(left(other, "run"), truth);
  }

  TEST_CASE("killed again and again at random") {
    TempFolder folder;
    Recipe recipe = cloudRecipe();
    recipe.epochs = 20;
    recipe.checkpoint = {4, 1, 2};
    recipe.evalEverySteps = 5;
    Truth truth = undisturbed(folder, recipe);
    std::mt19937 random(1234);
    TempFolder other;
    // 200 steps of at least a millisecond each: the first kill always comes
    // before the end, and most of the others do.
    for (int kills = 0; kills < 10; ++kills) {
      pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        LinearProgram program;
        program.afterStep = [](int64_t, float &) -> MaybeFault {
          usleep(1000);
          return std::nullopt;
        };
        Run run = runTraining(other / "run", true, recipe, program);
        _exit(run.result.exitStatus());
      }
      usleep(1000 + random() % 40000);
      kill(child, SIGKILL);
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      CHECK((kills > 0 || WIFSIGNALED(status)));
      CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
    }
    LinearProgram program;
    Run run = runTraining(other / "run", true, recipe, program);
    CHECK(run.result.end == TrainEnd::Completed);
    checkSame(left(other, "run"), truth);
    // Nothing half-written is left.
    for (const auto &entry :
         std::filesystem::recursive_directory_iterator(other.path))
      CHECK(!entry.path().filename().string().ends_with(".tmp"));
  }

  TEST_CASE("a damaged newest checkpoint falls back to the one before") {
    Recipe recipe = cloudRecipe();
    recipe.checkpoint = {8, 0, 0};
    recipe.evalEveryEpochs = 100; // no best ones in between
    TempFolder folder;
    Truth truth = undisturbed(folder, recipe);
    for (int damage = 0; damage < 4; ++damage) {
      CAPTURE(damage);
      TempFolder other;
      LinearProgram first;
      first.afterStep = [](int64_t step, float &) -> MaybeFault {
        if (step == 26)
          return Fault{FaultKind::Internal, "crash"};
        return std::nullopt;
      };
      runTraining(other / "run", false, recipe, first);
      REQUIRE(stepsOf(other / "run") == std::vector<int64_t>{8, 16, 24});
      std::string name = "run/checkpoints/step-00000024.safetensors";
      std::string bytes = other.read(name);
      if (damage == 0) // truncated
        bytes.resize(bytes.size() - 5);
      else if (damage == 1) // one bit of a weight
        bytes[bytes.size() - 3] ^= 4;
      else if (damage == 2) // one digit of the metadata
        bytes[bytes.find("\\\"step\\\":24") + 10] = '5';
      else
        bytes.clear();
      other.write(name, bytes);
      LinearProgram second;
      Run run = runTraining(other / "run", true, recipe, second);
      CHECK(run.said("step-00000024.safetensors"));
      CHECK(run.said("; taking step 16 instead"));
      CHECK(run.said("resumed at step 16"));
      checkSame(left(other, "run"), truth);
      // The damaged file has been replaced when the run got there again.
      CHECK(verifyCheckpoint(other / name));
    }
  }

  TEST_CASE("if every checkpoint is damaged nothing is overwritten") {
    Recipe recipe = cloudRecipe();
    recipe.checkpoint = {0, 3, 0};
    TempFolder folder;
    undisturbed(folder, recipe);
    REQUIRE(stepsOf(folder / "truth").size() >= 2);
    for (const auto &[step, path] : listCheckpoints(folder / "truth"))
      std::ofstream(path) << "garbage";
    std::string events = folder.read("truth/events.jsonl");
    LinearProgram program;
    Run run = runTraining(folder / "truth", true, recipe, program);
    CHECK(run.result.end == TrainEnd::Failed);
    CHECK(run.result.exitStatus() == 1);
    CHECK(run.result.fault->message.find(
              "; there is no other checkpoint to resume from") !=
          std::string::npos);
    CHECK(folder.read("truth/events.jsonl") == events);
  }

  TEST_CASE("a finished run stays as it is, and may be prolonged") {
    Recipe recipe = cloudRecipe();
    TempFolder folder;
    Truth truth = undisturbed(folder, recipe);
    LinearProgram again;
    Run run = runTraining(folder / "truth", true, recipe, again);
    CHECK(run.result.end == TrainEnd::Completed);
    CHECK(run.result.step == 60);
    checkSame(left(folder, "truth"), truth);

    recipe.epochs = 8;
    LinearProgram longer, whole;
    run = runTraining(folder / "truth", true, recipe, longer);
    CHECK(run.said("epochs was 6, is now 8"));
    runTraining(folder / "whole", false, recipe, whole);
    checkSame(left(folder, "truth"), left(folder, "whole"));
  }

  TEST_CASE("another recipe, other data or another model are refused") {
    Recipe recipe = cloudRecipe();
    TempFolder folder;
    undisturbed(folder, recipe);
    auto refusal = [&](const Recipe &changed, LinearProgram &program) {
      Run run = runTraining(folder / "truth", true, changed, program);
      CHECK(run.result.exitStatus() == 1);
      return run.result.fault ? run.result.fault->message : "";
    };
    std::string path = folder / "truth/checkpoints/step-00000060.safetensors";
    LinearProgram program;
    Recipe changed = recipe;
    changed.batch = 10;
    CHECK(refusal(changed, program) ==
          path + ": the recipe is not the one of the checkpoint: batch was 8, "
                 "is now 10; set it back, or choose another folder");
    changed = recipe;
    changed.data.scale = 0.5;
    CHECK(refusal(changed, program).find("data.scale was 1.0, is now 0.5") !=
          std::string::npos);
    LinearProgram renamed;
    renamed.trainPorts.outputs[3].name = "rate";
    CHECK(refusal(recipe, renamed).find("another model") != std::string::npos);

    TrainOptions options;
    options.runFolder = folder / "truth";
    options.resume = true;
    DataSplit other = threeClouds(100);
    other.fingerprint = 43;
    TrainResult result = train(program, recipe, other, options);
    REQUIRE(result.fault);
    CHECK(result.fault->message ==
          path + ": the data set is not the one of the checkpoint (checksum "
                 "0000002a then, 0000002b now)");
  }
}
