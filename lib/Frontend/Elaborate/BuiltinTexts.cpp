//===- BuiltinTexts.cpp - What the functions of the language do -----------===//
#include "Builtin.h"
#include "asgc/Functions.h"

#include <algorithm>

namespace asgc {

namespace {
struct BuiltinText {
  std::string_view name, family, meaning, meaningRu;
};
} // namespace

// Sorted by name.
static constexpr BuiltinText kTexts[] = {
    {"abs", "elements", "|x|", "|x|"},
    {"all_axes", "shape", "the list of the axes of x: 0, 1, …",
     "список осей x: 0, 1, …"},
    {"along", "layout",
     "the vector x as axis `axis` of a tensor of as many axes as `like`",
     "вектор x как ось `axis` тензора с таким же числом осей, как у `like`"},
    {"argmax", "reductions",
     "place of the largest element along an axis, as i64; the first of equal "
     "ones",
     "место наибольшего элемента вдоль оси, i64; первое из равных"},
    {"argmin", "reductions",
     "place of the smallest element along an axis, as i64; the first of equal "
     "ones",
     "место наименьшего элемента вдоль оси, i64; первое из равных"},
    {"broadcast", "layout", "x repeated to a shape, by numpy's rules",
     "x, повторённый до заданной формы по правилам numpy"},
    {"cast", "elements",
     "x with another element type; floats become ints towards zero",
     "x с другим типом элементов; дробные становятся целыми к нулю"},
    {"ceil", "elements", "the next whole number up",
     "округление вверх до целого"},
    {"clamp", "elements", "x kept between `low` and `high`",
     "x, ограниченный снизу `low` и сверху `high`"},
    {"concat", "layout", "the tensors of a list joined along an axis",
     "тензоры списка, соединённые вдоль оси"},
    {"constant", "initial values", "the same number everywhere",
     "везде одно и то же число"},
    {"convolve", "images",
     "convolution of images [batch, channels, height, width] with weights "
     "[out, channels / groups, height, width]",
     "свёртка картинок [batch, channels, height, width] с весами "
     "[out, channels / groups, height, width]"},
    {"convolve_transposed", "images",
     "the transpose of `convolve`: each element spreads over a window, and "
     "windows that overlap add up",
     "транспонированная `convolve`: каждый элемент расходится по окну, а "
     "перекрывающиеся окна складываются"},
    {"cos", "elements", "cosine", "косинус"},
    {"count", "shape", "number of elements along the axes",
     "число элементов вдоль осей"},
    {"cumsum", "reductions",
     "sums of all elements up to each one along an axis; with `reverse`, of it "
     "and all after it",
     "суммы всех элементов до каждого включительно вдоль оси; с `reverse` — от "
     "него до конца"},
    {"erf", "elements", "error function", "функция ошибок"},
    {"exp", "elements", "e^x", "e^x"},
    {"expm1", "elements", "e^x − 1, exact near zero",
     "e^x − 1, точно вблизи нуля"},
    {"flatten", "layout", "the axes from `begin` on made one",
     "оси начиная с `begin`, слитые в одну"},
    {"float", "numbers", "a compile-time number as a float",
     "число времени компиляции как float"},
    {"floor", "elements", "the next whole number down",
     "округление вниз до целого"},
    {"full", "new tensors", "a tensor with one number everywhere",
     "тензор, в котором везде одно число"},
    {"gather", "indexing",
     "the places of `index` along an axis; the axes before it go together with "
     "the first ones of the index",
     "места `index` вдоль оси; оси до неё идут вместе с первыми осями индекса"},
    {"grad", "derivatives",
     "derivative of the number `loss` by x, a tensor or a list of them",
     "производная числа `loss` по x — тензору или списку тензоров"},
    {"int", "numbers", "a compile-time number, rounded towards zero",
     "число времени компиляции, округлённое к нулю"},
    {"iota", "new tensors", "0, 1, …, count − 1", "0, 1, …, count − 1"},
    {"is_nan", "elements", "where x is not a number",
     "где x — не число (NaN)"},
    {"kaiming_normal", "initial values",
     "normal with deviation gain / √fan_in; gain is √2",
     "нормальное распределение с отклонением gain / √fan_in; gain = √2"},
    {"kaiming_uniform", "initial values",
     "uniform up to gain · √(3 / fan_in); gain is √(1/3), as in PyTorch's "
     "layers",
     "равномерное до gain · √(3 / fan_in); gain = √(1/3), как в слоях "
     "PyTorch"},
    {"len", "numbers", "elements of a list, bytes of a string",
     "число элементов списка или байт строки"},
    {"linear_scan", "reductions",
     "h[t] = a[t] · h[t − 1] + b[t] along an axis, from h[0] = b[0]; with "
     "`reverse`, from the last element to the first",
     "h[t] = a[t] · h[t − 1] + b[t] вдоль оси, начиная с h[0] = b[0]; с "
     "`reverse` — от последнего элемента к первому"},
    {"log", "elements", "natural logarithm", "натуральный логарифм"},
    {"log1p", "elements", "log(1 + x), exact near zero",
     "log(1 + x), точно вблизи нуля"},
    {"max", "reductions",
     "largest element along axes; with a second value, the larger of both, "
     "element by element",
     "наибольший элемент вдоль осей; со вторым значением — большее из двух "
     "поэлементно"},
    {"mean", "reductions", "mean along axes", "среднее вдоль осей"},
    {"min", "reductions",
     "smallest element along axes; with a second value, the smaller of both, "
     "element by element",
     "наименьший элемент вдоль осей; со вторым значением — меньшее из двух "
     "поэлементно"},
    {"normal", "initial values", "normal distribution",
     "нормальное распределение"},
    {"one_hot", "indexing",
     "a new last axis with 1 at the place of the index, 0 elsewhere",
     "новая последняя ось: 1 на месте индекса, 0 на остальных"},
    {"ones", "initial values", "ones", "единицы"},
    {"ones_like", "new tensors", "ones of the type of x",
     "единицы того же типа, что x"},
    {"pad", "layout",
     "x with `value` added before and after; `low` and `high` are lists, for "
     "the last axes",
     "x с добавленным `value` до и после; `low` и `high` — списки для последних "
     "осей"},
    {"pair", "numbers", "[n, n] of a number n, a list of two as it is",
     "[n, n] из числа n; список из двух — как есть"},
    {"permute", "layout", "axis i of the result is axis axes[i] of x",
     "ось i результата — это ось axes[i] тензора x"},
    {"prod", "reductions", "product along axes, or of a list",
     "произведение вдоль осей или элементов списка"},
    {"random_normal", "new tensors",
     "normal numbers of mean 0 and deviation 1, new at every step",
     "нормальные числа со средним 0 и отклонением 1, новые на каждом шаге"},
    {"random_uniform", "new tensors",
     "uniform numbers from 0 to below 1, new at every step",
     "равномерные числа от 0 до 1, не включая 1, новые на каждом шаге"},
    {"reshape", "layout",
     "the same elements in another shape; -1 is the extent that fits",
     "те же элементы в другой форме; -1 — подходящий размер"},
    {"round", "elements", "the nearest whole number, halves to the even one",
     "ближайшее целое, половины — к чётному"},
    {"rsqrt", "elements", "1 / √x", "1 / √x"},
    {"scatter_add", "indexing",
     "zeros of `count` rows to which the rows of x are added at the places of "
     "`index`",
     "нули из `count` строк, к которым на местах `index` прибавлены строки x"},
    {"sign", "elements", "-1, 0 or 1", "-1, 0 или 1"},
    {"sin", "elements", "sine", "синус"},
    {"split", "layout",
     "list of parts along an axis: so many equal ones, or of these extents",
     "список частей вдоль оси: столько равных или с такими размерами"},
    {"sqrt", "elements", "square root", "квадратный корень"},
    {"squeeze", "layout", "x without the axes of extent 1",
     "x без осей размера 1"},
    {"stack", "layout", "the tensors of a list side by side on a new axis",
     "тензоры списка рядом на новой оси"},
    {"stop_gradient", "derivatives", "x, through which no gradient flows",
     "x, сквозь который не течёт градиент"},
    {"sum", "reductions", "sum along axes, or of a list",
     "сумма вдоль осей или элементов списка"},
    {"take", "indexing",
     "the places of `index` along an axis, the same everywhere",
     "места `index` вдоль оси, одни и те же всюду"},
    {"tanh", "elements", "hyperbolic tangent", "гиперболический тангенс"},
    {"transpose", "layout",
     "x with two axes swapped, or all of them in the order of a list",
     "x с двумя переставленными осями или со всеми в порядке списка"},
    {"trunc_normal", "initial values", "normal, drawn again outside of a range",
     "нормальное распределение; вне диапазона числа берутся заново"},
    {"uniform", "initial values",
     "uniform from `low` to `high`; of one number, from its opposite",
     "равномерное от `low` до `high`; с одним числом — от противоположного"},
    {"unsqueeze", "layout", "x with a new axis of extent 1",
     "x с новой осью размера 1"},
    {"unstack", "layout", "list of the parts of x along an axis",
     "список частей x вдоль оси"},
    {"variance", "reductions",
     "mean square distance from the mean; `correction` is taken from the "
     "count",
     "средний квадрат отклонения от среднего; `correction` вычитается из числа "
     "элементов"},
    {"where", "elements", "a where the condition holds, else b",
     "a там, где условие верно, иначе b"},
    {"window_max", "images", "largest element of each window of an image",
     "наибольший элемент каждого окна картинки"},
    {"window_mean", "images", "mean of each window of an image",
     "среднее каждого окна картинки"},
    {"xavier_normal", "initial values",
     "normal with deviation gain · √(2 / (fan_in + fan_out))",
     "нормальное распределение с отклонением gain · √(2 / (fan_in + "
     "fan_out))"},
    {"xavier_uniform", "initial values",
     "uniform up to gain · √(6 / (fan_in + fan_out))",
     "равномерное до gain · √(6 / (fan_in + fan_out))"},
    {"zeros", "initial values", "zeros", "нули"},
    {"zeros_like", "new tensors", "zeros of the type of x",
     "нули того же типа, что x"},
};

std::vector<FunctionExplanation> explainFunctions(std::string_view language) {
  std::vector<FunctionExplanation> result;
  for (const std::string &name : getBuiltinNames()) {
    const BuiltinText *text = std::find_if(
        std::begin(kTexts), std::end(kTexts),
        [&](const BuiltinText &each) { return each.name == name; });
    FunctionExplanation function{name, findBuiltin(name)->signature, "", ""};
    if (text != std::end(kTexts)) {
      function.family = text->family;
      function.meaning = language == "ru" ? text->meaningRu : text->meaning;
    }
    result.push_back(std::move(function));
  }
  return result;
}

} // namespace asgc
