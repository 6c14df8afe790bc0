<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
<context>
    <name>GeoPhrase</name>
    <message>
        <location filename="../gui/label_box.py"/>
        <source> (accepted)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source> (dropped)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source> m</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source> m per pixel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source> min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source> m²</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source> px</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source> {unit} per pixel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>1 polygon</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/welcome_page.py"/>
        <source>&lt;b&gt;Type a phrase, get polygons&lt;/b&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>&lt;b&gt;{device}&lt;/b&gt; · {activity}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>A box belongs to the points whose field has the same value. Empty: to none.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>A file could not be written, often because an antivirus program or a running engine holds it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>A folder that holds every package as a wheel; nothing is then downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>A layer whose features&apos; extents are boxes around one object each, in any coordinate system</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>A package could not be installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>A path is longer than Windows allows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>A phrase for each object.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>A phrase has {count} characters. Use at most {most}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>A phrase that helps the model, such as &quot;building&quot;. A field that has one goes before it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/prompted_objects.py"/>
        <source>A point has the label &apos;{label}&apos;. Use 1 for points on the object and 0 for points beside it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/labelled.py"/>
        <source>A polygon has no phrase; type the phrase that the polygons answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>A raster file with a band of probabilities.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Accept</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Accept / export…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>Accept polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Accept the polygons into a layer or a file, or save them as training data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_controller.py"/>
        <source>Accepted into {layer}. Ctrl+Z there takes it back; save the layer&apos;s edits to keep it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>Add a raster layer to the project first: a file, an XYZ map, a WMS…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Add the fields that the layer lacks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Add to the project</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>All boxes are labelled: {accepted} accepted, {dropped} dropped. They are in {layer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>All images of a training must have the same; RISORS has 800.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>All points and boxes lie beside the raster. Check the layers&apos; coordinate systems.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Allow {folder} in your antivirus program, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>An engine that is installed already: the geophrase program, or its environment&apos;s folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/lock.py"/>
        <source>Another QGIS window is installing or removing this engine.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <location filename="../processing/segment_by_text.py"/>
        <source>Any raster layer: a file, or tiles and maps from the web.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Any raster layer: local files as well as XYZ, WMS and other online maps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Apple GPU (MPS)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>As one image</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Ask your administrator for the certificate and name its file in the variable PIP_CERT.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Automatic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Band</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Bands shown as red, green and blue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Boxes to label</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>CPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Cancel export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Cancelled before the engine had started; the output is empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/job_algorithm.py"/>
        <source>Cancelled. Polygons found so far, which are kept: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Cancelled. What is finished is kept: press Retry to go on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Cancelled: nothing was found until then.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Cancelled: the layer of its polygons was removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Cancelled: the {count} polygons found so far are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Cancelled; what is finished is kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Cancelling…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Check that the address in requirements/{name} can be reached, or choose the CPU.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Check the network and the proxy in QGIS&apos;s options (Network), or give a folder of wheels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Checking the installation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Checks the engine and says why a GPU is not used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Choose a folder with a short path, such as C:\geophrase, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Choose a mask with the buttons or the keys 1 to 3, or click on; Enter accepts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>Choose a polygon layer in the layer panel and select polygons in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>Choose another Python, or leave the choice empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Click adds, right-click removes; Enter accepts, Escape discards.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_controller.py"/>
        <source>Click an object: left adds, right removes, a drag is a box. Enter accepts, Esc discards.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Click on the map: left adds, right takes away, a drag is a box. The first click on a polygon takes it up, with Shift it begins a new one. Enter accepts, Escape discards.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Click what the polygon lacks, right-click what is too much; Escape leaves it as it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Close other QGIS windows, allow the folder in the antivirus program, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Column of phrases</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>Copied: {command}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/doctor_dialog.py"/>
        <source>Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Copy as command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Correct them in QGIS&apos;s options (Network), then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Creating the environment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Detail</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <location filename="../gui/options_page.py"/>
        <source>Device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>Doctor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Downloads about {download:.1f} GB from the Python Package Index and takes {disk:.1f} GB.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Draw a box</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Draw the box on the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Drawing the layer for the engine: {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Drawn box</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Drop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/refine_engine.py"/>
        <source>Encoding the view…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Encodings are kept in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Engine {version}, {memory:.1f} GB of memory in use.
{reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Every polygon carries its phrase, the mean probability inside it (score), its area and perimeter on the ground, and the model and raster that it comes from. A cancelled run keeps the polygons found so far.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Export polygons of {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Export training data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_controller.py"/>
        <source>Exported into {layer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Extent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Features left out because they have no geometry in the raster&apos;s coordinates: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of boxes: what the object is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of boxes: which object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of points: on the object (1) or beside it (0)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of points: what the object is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Field of points: which object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Field with the phrase</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Fill all holes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Fill holes below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <location filename="../gui/segment_page.py"/>
        <source>Find</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Find what the query names (Enter in the query line)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Finds what phrases name in a raster and outlines it with polygons.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Folder of the engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../processing/export_training_data.py"/>
        <source>Folder of training data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Folder of wheels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>For the output of any model that writes probabilities as a raster. Every polygon carries the mean probability inside it (score) and its area and perimeter on the ground.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Forget earlier queries</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Found 1 polygon for {queries} in {seconds} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <source>Found in {source} by {model} ({weights}) at {created}: {queries}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Found {count} polygons for {queries} in {seconds} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <location filename="../core/environment/install.py"/>
        <source>Free some space or choose a folder on another disk, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/dock.py"/>
        <location filename="../gui/options_page.py"/>
        <location filename="../processing/provider.py"/>
        <source>GeoPhrase</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/welcome_page.py"/>
        <source>GeoPhrase searches raster layers with an engine that runs on this computer. It isn&apos;t installed yet: set it up once, in a folder of its own. Nothing is put into QGIS&apos;s Python, and your imagery stays here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/doctor_dialog.py"/>
        <source>GeoPhrase: doctor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>GeoPhrase: find by a phrase</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/outliner.py"/>
        <source>GeoPhrase: new outlines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>GeoPhrase: new polygon</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/provider.py"/>
        <source>GeoPhrase: objects by phrases, points and boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>GeoPhrase: refined polygon</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_dialog.py"/>
        <source>GeoPhrase: set up the engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>GeoPhrase: {queries}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Give the path of an engine that is installed elsewhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Goes from box to box. Masks are proposed for each: accept one, correct it with clicks, or drop the box. Every label is saved at once, and next time the walk goes on here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Ground size of the images&apos; pixels. Empty: the raster&apos;s own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Ground size of the pixels that the model sees. Empty: the raster&apos;s own pixels. A coarser one is faster and finds large objects better.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>How far an outline may move to lose vertices. Empty: outlines follow the pixel edges.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>How far the new outline may be from the found one, in metres on the ground in every CRS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>How long the model stays in memory after the last request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Image side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Images are cut from the layer around the polygons, as it is shown now. What is not a polygon counts as not meant by the phrase, so complete the polygons before you save them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Images are cut from the raster around the polygons; each has the phrases that occur in it and the mask of everything that a phrase names there, in the RISORS format. A folder that has training data already is added to. Mark all the objects of a phrase: what is not marked in an image counts as something else.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Images from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Images left out because they overlap images of another split: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <location filename="../gui/setup_page.py"/>
        <source>Install</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Install Python 3.12 or uv, then press Retry; if that doesn&apos;t help, report it with the log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Install an engine of GeoPhrase&apos;s own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>Install it (on Debian: sudo apt install python3-venv) or install uv, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>Install uv (docs.astral.sh/uv) or Python {version} (python.org), then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Install uv, which can, or use an HTTP proxy or a folder of wheels, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Installed engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <location filename="../core/environment/steps.py"/>
        <source>Installing GeoPhrase&apos;s engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Installing PyTorch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Installing SAM 2 and the text encoder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Installing the engine&apos;s libraries</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Label</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Label the boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <location filename="../gui/segment_page.py"/>
        <source>Layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Layer of boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Layer of this project</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Leave out polygons below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>Left out, because they lie beside the raster or have no extent: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>Licence of the weights: {licence}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Looking at this computer…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Looking for Python</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Map view</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/mask_choice.py"/>
        <source>Mask {number}, predicted IoU {iou:.2f}: press {number}, or hold the mouse here to see it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Min. area</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Minimum area</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Minimum area (square metres)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <location filename="../gui/options_page.py"/>
        <location filename="../processing/parameters.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <location filename="../gui/setup_form.py"/>
        <source>NVIDIA GPU (CUDA)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Name of the model. Empty: the model of GeoPhrase&apos;s settings, which may be a weights file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>New file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>New, or one that has training data already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>No NVIDIA GPU with a driver was found (nvidia-smi is missing or lists none).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>No Python 3.10 or newer was found on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>No accepted polygon lies on the layer; choose the one they were found on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>No box is drawn yet. Press the button beside the choice and draw it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>No box lies on the raster layer. Choose the layer that the boxes were drawn on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>No engine is installed yet. Nothing is downloaded before you press Install.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>No engine is installed yet. Press Install first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>No engine is installed. &lt;a href=&quot;setup&quot;&gt;Set up…&lt;/a&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/settings.py"/>
        <location filename="../gui/engine_controller.py"/>
        <source>No engine is installed. Open the GeoPhrase panel and press Set up.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/crop_sessions.py"/>
        <source>No picture of this place arrived from {name}; check the connection, then click again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>No result yet. The sliders apply to the next run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Nothing is marked. Choose a layer of points, or a layer of polygons whose boxes are used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Nothing is marked. Put a point on an object, or draw a box around it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Nothing is outlined yet; click on the object, then accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>Nothing is selected in the layer {name}. Select the polygons to look in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/run.py"/>
        <source>Nothing was found for {queries}. Lower the threshold, or use other words.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>Nothing was found there; click again, or undo.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Number of images</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Number of polygons in them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects left out because the raster has no data around them: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects left out because they have only points beside them: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects left out because they lie beside the raster: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Objects outlined: {found} of {objects}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>One phrase per line, or several between semicolons, such as &quot;storage tanks; the large white building&quot;. Each becomes a category; all are found in one pass.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Only a CPU build of PyTorch could be had, so the GPU would stay unused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Only this part of the raster, in any coordinate system. Empty: all of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Outlines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Outlines the objects that points or boxes of vector layers mark on a raster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Outlines the places of a raster where a probability reaches a threshold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Outlining objects: {objects}, images to encode: {crops}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/job.py"/>
        <source>Parts of the layer did not arrive ({problem}) and count as no data. Try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../gui/label_box.py"/>
        <source>Phrase</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Phrase for all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Pixel side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Pixel side of the map view</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>Pixel size (map units)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points on the objects, in any coordinate system.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points with a 0 say what does not belong to the object. Empty: all are on it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Points with the same value mark one object, together with a box of that value. Empty: every point is an object of its own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Polygonise probabilities</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons larger than an image, which shows a part of them: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons left out because they have no phrase: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Polygons left out because they lie beside the raster: {count}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>Polygons of {query}: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Polygons smaller than this on the ground are dropped. Empty: all are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Polygons, each of which stands for its bounding box, in any coordinate system.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>Preparing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Preparing the installation of packages</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>Press Retry, or report it with the log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Preview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Private environment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Probabilities</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Probability from which a pixel belongs to an object: lower finds more, higher only the certain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Processor (CPU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Progress</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>Put its wheel into {folder}, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Put the same run on the clipboard as a command line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>PyTorch for macOS uses the processor, and Apple&apos;s GPU where there is one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>PyTorch is no longer built for Macs with Intel processors; use an engine installed elsewhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>PyTorch is not built for {machine} processors.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>QGIS draws this layer for the engine, at this pixel side in the layer&apos;s own units. Smaller shows more detail and takes longer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <location filename="../processing/segment_by_prompts.py"/>
        <location filename="../processing/segment_by_text.py"/>
        <source>Raster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Raster layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Redo the click</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Refine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Remove GeoPhrase&apos;s engine and everything that was installed with it?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <source>Removing GeoPhrase&apos;s engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <source>Removing the engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Resolution (metres per pixel)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Retry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Right angles, for buildings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Rounds of smoothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Runs on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>Save as training data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Save the polygons as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>Save this outline and go on to the next open box (Enter on the map)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Saves polygons and the raster below them as training data for GeoPhrase&apos;s models.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>Searching</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>See the log below, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/doctor.py"/>
        <source>See what it said below; press Retry to install it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Segment by points and boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Segment by text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/algorithm.py"/>
        <source>Segmentation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Segments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Selected polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Selected polygons are those of the layer that is active in the layer panel; objects that touch one of them are kept whole.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>Sending the layer to the engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <location filename="../gui/welcome_page.py"/>
        <source>Set up…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../plugin.py"/>
        <source>Show or hide GeoPhrase: type a phrase on a raster layer, get polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Show the area to the model as a single image instead of tiles, so that words such as &quot;the leftmost&quot; or &quot;the largest&quot; mean what you see. Small objects are found less well.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>Show the extent as one image</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Show them on the map</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Side of the images (pixels)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Simplify by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Simplify outlines by (metres)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Smaller polygons are left out. Acts on the result at once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <location filename="../processing/export_training_data.py"/>
        <source>Split</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>Starting…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Take the pixel side of the map as it is shown now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_target_form.py"/>
        <source>Target</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>That area has no place in the layer&apos;s coordinates ({why}). Zoom to the layer first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>That area is empty. Choose one that has a width and a height.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/extent.py"/>
        <source>That area lies beside the layer {name}. Zoom to the layer, or choose another area.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>The CPU build works everywhere; an NVIDIA GPU would be much faster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>The band of probabilities. Empty: the first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>The box before (Page Up on the map)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>The column that says what is in each box; none for the phrase after Find</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>The command line reads files, and {layer} is drawn by QGIS. Save it as a GeoTIFF, or use GeoPhrase&apos;s algorithms in the Processing toolbox.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The disk is full.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine could not be started: {reason}. Check the engine in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/client.py"/>
        <source>The engine did not answer within {seconds} s. Wait for what it does to end, or restart it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine did not start in time. Try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/doctor.py"/>
        <source>The engine did not start.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>The engine did not start. &lt;a href=&quot;retry&quot;&gt;Try again&lt;/a&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine ended at once. Check the engine in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/doctor_dialog.py"/>
        <source>The engine examines itself and this machine…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/answer.py"/>
        <source>The engine failed without saying why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/refine_engine.py"/>
        <source>The engine has no model named {name}; choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>The engine is installed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>The engine is installed but its check of “{name}” failed: {detail}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine is newer than this plugin (protocol {theirs}, not {ours}). Update the plugin.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine is older than this plugin (protocol {theirs}, not {ours}). Update the engine.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/background_installation.py"/>
        <source>The engine is removed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/dock.py"/>
        <source>The engine is started again as the settings say when the run has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>The engine is starting…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/outliner.py"/>
        <source>The engine no longer has this result. Run the query again to use the sliders on it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>The engine starts when it is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/service.py"/>
        <source>The engine stopped and is started again; the job goes on from what was finished.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine stopped before it answered. Try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/service.py"/>
        <source>The engine stopped twice at this work. Try a smaller area or another model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>The engine was stopped. Start the work again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>The engine {version} is installed and up to date. {device}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>The engine {version} is installed; an update is due: {steps}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/client.py"/>
        <source>The engine&apos;s answer was not understood ({reason}). Restart the engine, or reinstall it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/process.py"/>
        <source>The engine&apos;s command is not an engine: it printed {line}. Check the engine in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/steps.py"/>
        <source>The environment&apos;s Python does not start.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_task.py"/>
        <source>The export failed unexpectedly ({error}). The log panel has the details; try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <location filename="../core/export/prepare.py"/>
        <location filename="../gui/export_task.py"/>
        <source>The export was cancelled; nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>The export was cancelled; the images that were finished are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/raster/layer_raster.py"/>
        <source>The extent lies beside the layer {name}; choose one that overlaps it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>The first {count} outlines in view.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The folder of wheels has no {requirement} that fits Python {python} on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>The folder {folder} already holds an environment that isn&apos;t GeoPhrase&apos;s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/job_run.py"/>
        <location filename="../core/engine/job_stream.py"/>
        <location filename="../core/engine/service.py"/>
        <source>The job was cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>The label could not be saved in {layer} ({why}). Free space or make the file writable, then accept it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>The labels at {path} can&apos;t be opened. Move that file away to begin anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>The labels can&apos;t be written to {path} ({why}). Free space there or make it writable.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>The layer can&apos;t be placed on this map; change the project&apos;s CRS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>The layer has no place for: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>The layer was removed meanwhile; choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/raster/rendered.py"/>
        <source>The layer {name} can&apos;t be drawn; repair its data source, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The layer {name} can&apos;t be edited. Make it writable, or export it and refine the copy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>The layer {name} can&apos;t be read. Repair its source, or choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>The layer {name} did not take the polygons ({reason}); write a new file instead.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>The layer {name} does not hold polygons; choose a layer of polygons.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/raster/layer_raster.py"/>
        <source>The layer {name} has no extent; reload it, or choose another layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>The layer {name} has no pixel there; click inside it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>The layer {name} has no pixels in the box; draw it inside the layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/resolution.py"/>
        <source>The layer {name} has no pixels of its own. Give a working resolution in metres per pixel, for example 0.5.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>The layer {name} is no raster file. Save it as one, then polygonise that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>The layer {name} is read-only; choose another layer or write a new file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>The layer {name} is shown to the model as QGIS draws it; the bands chosen are not used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>The model then sees the extent as a whole, so that &quot;the leftmost&quot; or &quot;the largest&quot; mean what you see; small objects are lost in a large extent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>The next box (Page Down on the map)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The object has several parts and {name} takes one. Export to a multi-polygon layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>The objects, checked by a person, in any coordinate system.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The package index could not be reached.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The package index has no {requirement} that fits Python {python} on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The package index shows a certificate that is not trusted, as behind some proxies.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>The phrase&apos;s other polygons in an image are right, too</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The polygon could not be put into the layer {name}. Look at the layer&apos;s message in the log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/refine/layer_edit.py"/>
        <source>The polygon has no place in the coordinates of {name}. Choose a layer of another CRS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/layer_writer.py"/>
        <source>The polygons can&apos;t be written ({why}). Free space on the disk and run the query again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/vector/reproject.py"/>
        <source>The polygons cannot be expressed in {crs} ({reason}); choose a target in another CRS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>The polygons have no phrase. Choose the field that has it, or type one for all.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/vector/reproject.py"/>
        <source>The polygons lie outside the area of {crs}; choose a target in another CRS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>The program geophrase of that engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>The program geophrase, the folder of its environment, or a command line.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>The proxy refused the connection because of its user name or password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>The query holds characters that are no text. Type it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>The raster&apos;s value for a probability of 1, such as 100 for per cent. Empty: 1 for decimal numbers, else the largest number of the raster&apos;s type.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <source>The result at {path} can&apos;t be opened. Run the query again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/result_file.py"/>
        <source>The result can&apos;t be written to {folder} ({why}). Free space there or make it writable.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/task.py"/>
        <source>The run failed unexpectedly ({error}). The log panel has the details; run it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/job.py"/>
        <source>The run was cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>The work goes on when this page is closed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_controller.py"/>
        <source>There are no polygons to export. Run a query, or choose a segments layer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>There are {count} phrases. Ask for at most {most} at once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>There is no CUDA build for this processor.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>There is no CUDA on macOS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/settings.py"/>
        <source>There is no engine at {path}, which the settings name. Correct it there, or set an engine up.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>There is no engine at “{path}”: choose the program geophrase in its environment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>There is no field {name}; the layer has {fields}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_controller.py"/>
        <source>There is no layer of boxes. Add one to the project and choose it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>There is no polygon with a phrase. Draw some, or run a query first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/queries.py"/>
        <source>There is no query. Type what to look for, such as &quot;storage tanks&quot;.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_controller.py"/>
        <source>There is no raster layer to refine on. Add one to the project and choose it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>There is no raster layer. Add one to the project and choose it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/refine_tool.py"/>
        <source>There is nothing to remove from yet; click on an object first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>This box has nothing to label: go on without (Delete on the map)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/client.py"/>
        <source>This would send {size} MiB to the engine, which takes {limit}. Choose a smaller area.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Three bands in this order, or one that is shown as grey. Nothing chosen: those that the layer shows in QGIS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>Threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Threshold (probability)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>To the right only what the model is sure of, to the left more. Acts on the result at once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>Training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>Type what to look for first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>Undo the last click</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Uninstall</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Uninstall…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Unload the model after</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>Update</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Use</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Use an engine that is already installed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>Value that stands for certainty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/lock.py"/>
        <source>Wait until it has finished, then press Retry.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>Walls become straight and perpendicular where that stays close to what was found. Without a tolerance it is taken from each polygon&apos;s size.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What all the polygons are, instead of a field.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What each polygon is. Empty: the field query, which GeoPhrase&apos;s own polygons have.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>What the engine has, what it lacks, and why a GPU is not used</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What the images are cut from, as QGIS shows it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>What the images are for: training, choosing the best model (val) or testing it. By place, blocks of neighbouring images go to one split, and the same place always to the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>What the objects are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>What the polygons are; it is written into their field query.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/query_line.py"/>
        <location filename="../processing/segment_by_text.py"/>
        <source>What to look for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/query_line.py"/>
        <source>What to look for, in English. Several phrases separated by semicolons are found in one pass and make one category each.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>Wheels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_page.py"/>
        <source>Where</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Where to look</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/extent_box.py"/>
        <source>Whole layer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>Without fields that say otherwise, every point and every box is an object of its own. The outline of an object depends on its own points and box alone. Besides the usual attributes, the polygons carry the object&apos;s name and the feature that marks it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>Work</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>Work in the raster&apos;s own pixels, or coarser for large objects: metres per pixel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>Working resolution (metres per pixel)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>You use an engine of your own. Nothing is downloaded before you press Install.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>all polygons ({count})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>answers to “{query}”</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>any</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>at once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>busy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>busy, {count} waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <location filename="../gui/result_box.py"/>
        <source>clicked objects</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/query_line.py"/>
        <source>e.g. storage tanks; ships</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>its own pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/resolution_box.py"/>
        <source>its own pixels ({side:g} {unit})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/annotate/label_store.py"/>
        <source>labels: {boxes} · {raster}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>loading the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <source>no</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/existing_layer.py"/>
        <source>no reason given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_outline_form.py"/>
        <location filename="../processing/parameters.py"/>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>only without a network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <source>only {found} of {count} polygons could be stored</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/result_style.py"/>
        <source>other</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/failure.py"/>
        <source>pip can&apos;t use a SOCKS proxy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/polygonise_probabilities.py"/>
        <source>polygonize,polygonise,vectorize,vectorise,probability,mask,raster,threshold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>ready</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_prompts.py"/>
        <source>segment,points,boxes,clicks,prompts,sam,refine,outline,digitise,digitize,ai</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/segment_by_text.py"/>
        <source>segment,text,phrase,query,prompt,sam,detect,extract,objects,ai,deep learning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>shared out by place: 80 % train, 10 % val, 10 % test</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the default folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the engine&apos;s default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>the image could not be encoded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>the layer&apos;s own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the private environment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>the query of each polygon</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>the selected polygons ({count})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/layer_writer.py"/>
        <source>the system doesn&apos;t say why</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/options_page.py"/>
        <source>the user&apos;s cache folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/raster/rendered.py"/>
        <source>tiles are missing or empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>to choose by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>to learn from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_training_form.py"/>
        <source>to test with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>training,fine-tune,samples,labels,chips,masks,risors,dataset,deep learning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_form.py"/>
        <source>with encodings and downloaded models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>{accepted} accepted, {dropped} dropped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>{area:g} ha</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/outline_box.py"/>
        <source>{area:g} m²</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/parameters.py"/>
        <source>{count} bands are chosen. Choose three, for red, green and blue, or one that is shown as grey.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} images were left out: another split shows the place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{count} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>{count} outlines in view.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>{count} polygons</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons are larger than an image; a larger pixel size shows more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons lie beside the layer and were left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons were added to {name}. Save the layer&apos;s edits to keep them, or undo.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} polygons were written to {path}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{count} polygons · tile {done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{count} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{count} were left out as too small.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>{count}: {queries}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>{folder} could not be written ({reason}); choose a folder that is writable and has space.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} is too old for today&apos;s PyTorch.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} needs driver {new} or newer, and {driver} is installed: update it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} needs driver {old} or newer, and {driver} is installed: update it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} with driver {driver} runs CUDA 12.6.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/torch_build.py"/>
        <source>{gpu} with driver {driver} runs CUDA 13.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{hours} h {minutes} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/reports.py"/>
        <source>{images} images with {count} polygons were saved as training data.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>{model} (clicks only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/engine_box.py"/>
        <source>{model} (downloads {size:.0f} MB)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/export_dialog.py"/>
        <source>{name} exists already. Replace it?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/raster/upload.py"/>
        <source>{name} would be drawn as {width:,} × {height:,} pixels, which is too much. Search a smaller area, such as the map view, or choose larger pixels.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>{needed:.1f} GB are needed, and {free:.1f} GB are free where {folder} is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/label_box.py"/>
        <source>{number} of {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>{path} can&apos;t make environments, for its venv module is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <source>{path} could not be written ({reason}); choose a folder that is writable and has space.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/new_file.py"/>
        <source>{path} exists already; choose another name, or allow it to be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/export/training_sample.py"/>
        <source>{path} is damaged; repair or delete it, or choose another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/python_search.py"/>
        <source>{path} is no 64-bit Python 3.10 or newer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/segment/layer.py"/>
        <source>{queries} · {raster}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>{seconds:.1f} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/found_features.py"/>
        <source>{seconds:.1f} s on {device}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../processing/export_training_data.py"/>
        <source>{split}: images {images}, polygons {objects}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/environment/install.py"/>
        <source>{step} ({size:.0f} MB downloaded)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/segment_controller.py"/>
        <source>{text} (the box around the selected polygons)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../core/engine/errors.py"/>
        <source>{text} Its last words: {line}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/run_box.py"/>
        <source>{text} · {time} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/result_box.py"/>
        <source>{title} …</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../gui/setup_page.py"/>
        <source>“{step}” failed: {message} {advice} The whole log is in {log}.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
